"""loading.lua's row with Pillow and, where installed, torchvision (both libjpeg-turbo): a PyTorch DataLoader with a worker a thread, or one process."""


def rows(env):
    def load(only=None):
        torch = env.torch
        if not torch:
            return {}
        files = env.arguments["files"]
        mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
        readers = {}

        def sizes(w, h):
            scale = 256 / min(w, h)
            return max(256, int(w * scale)), max(256, int(h * scale))

        if env.pil:
            import numpy as np
            from PIL import Image

            def pillow(path):
                picture = Image.open(path).convert("RGB")
                w, h = sizes(*picture.size)
                picture = picture.resize((w, h), Image.BILINEAR)
                left, top = (w - 224) // 2, (h - 224) // 2
                pixels = np.array(picture.crop((left, top, left + 224, top + 224)))
                return torch.from_numpy(pixels).permute(2, 0, 1)

            readers["Pillow"] = pillow
        try:
            from torchvision.io import ImageReadMode, decode_image, read_file
            from torchvision.transforms.v2 import functional as transform

            def torchvision(path):
                picture = decode_image(read_file(path), mode=ImageReadMode.RGB)
                w, h = sizes(picture.shape[2], picture.shape[1])
                return transform.center_crop(transform.resize(picture, [h, w], antialias=True), [224, 224])

            torchvision(files[0])
            readers["torchvision"] = torchvision
        except Exception:  # absent, or built without what reads these files
            pass

        class Pictures(torch.utils.data.Dataset):
            def __init__(self, read):
                self.read = read

            def __len__(self):
                return len(files)

            def __getitem__(self, i):
                return (self.read(files[i]).float().div_(255) - mean) / std

        def passes(read, workers):
            options = {"persistent_workers": True} if workers else {}
            loader = torch.utils.data.DataLoader(Pictures(read), batch_size=32, num_workers=workers, **options)

            def step():
                for _ in loader:
                    pass

            return step

        steps = {}
        for name, read in readers.items():
            steps["torch, one process, " + name] = passes(read, 0)
            if not env.cpu:  # the processor time of other processes is not ours to see
                steps["torch, DataLoader, " + name] = passes(read, env.threads)
        return steps

    return {"224 x 224 pictures batch 32": load}
