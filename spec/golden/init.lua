-- Statistics of initialised tensors (random: compare within sampling error) and gains. Made by make_golden.py with PyTorch 2.15.0.
return {
  gains = {
    linear = 1,
    conv2d = 1,
    sigmoid = 1,
    tanh = 1.6666666666666667,
    relu = 1.4142135623730951,
    leaky_relu = 1.4141428569978354,
    selu = 0.75,
  },
  cases = {
    {
      name = "uniform_",
      shape = { 400, 300 },
      options = {
        a = -0.29999999999999999,
        b = 0.69999999999999996,
      },
      mean = 0.20035042497438754,
      std = 0.28908331940247123,
      min = -0.29998738744738235,
      max = 0.69999675416137297,
    },
    {
      name = "normal_",
      shape = { 400, 300 },
      options = {
        mean = 0.5,
        std = 0.20000000000000001,
      },
      mean = 0.49985791115166761,
      std = 0.20057886845528622,
      min = -0.49129075321947907,
      max = 1.3571471444238641,
    },
    {
      name = "trunc_normal_",
      shape = { 400, 300 },
      options = {
        mean = 0.10000000000000001,
        std = 0.5,
        a = -0.40000000000000002,
        b = 0.90000000000000002,
      },
      mean = 0.18419940748231589,
      std = 0.33075283411030532,
      min = -0.39997993443873181,
      max = 0.89999906076036662,
    },
    {
      name = "xavier_uniform_",
      shape = { 400, 300 },
      options = {
      },
      mean = 6.4886096950048658e-05,
      std = 0.053527829522355158,
      min = -0.09257967458631057,
      max = 0.09258140896472683,
    },
    {
      name = "xavier_uniform_",
      shape = { 400, 300 },
      options = {
        gain = 1.7,
      },
      mean = 0.00011030636481508275,
      std = 0.090997310188003513,
      min = -0.15738544679672797,
      max = 0.15738839524003559,
    },
    {
      name = "xavier_normal_",
      shape = { 400, 300 },
      options = {
      },
      mean = -3.7974842067211098e-05,
      std = 0.053606957484748759,
      min = -0.26493359780174058,
      max = 0.22908221032041007,
    },
    {
      name = "kaiming_uniform_",
      shape = { 400, 300 },
      options = {
        a = 2.2360679774997898,
      },
      mean = 4.0463590658679907e-05,
      std = 0.033380466455049287,
      min = -0.057733570546832765,
      max = 0.057734652121801538,
    },
    {
      name = "kaiming_uniform_",
      shape = { 64, 32, 5, 5 },
      options = {
        nonlinearity = "relu",
      },
      mean = 0.00015076860636538601,
      std = 0.050122970636152439,
      min = -0.086594896084340151,
      max = 0.086601978182702335,
    },
    {
      name = "kaiming_normal_",
      shape = { 64, 32, 5, 5 },
      options = {
        mode = "fan_out",
        nonlinearity = "relu",
      },
      mean = -0.00019980514610551663,
      std = 0.035464307237026843,
      min = -0.1510737587379079,
      max = 0.15152363957419981,
    },
    {
      name = "orthogonal_",
      shape = { 120, 80 },
      options = {
      },
      mean = -0.00046378657444172254,
      std = 0.091290669615934794,
      min = -0.35201017544143609,
      max = 0.31504039683059704,
    },
    {
      name = "sparse_",
      shape = { 200, 100 },
      options = {
        sparsity = 0.29999999999999999,
        std = 0.050000000000000003,
      },
      mean = -0.00055019637388166681,
      std = 0.042075518071162547,
      min = -0.20264888168085329,
      max = 0.18841738548323009,
    },
  },
}
