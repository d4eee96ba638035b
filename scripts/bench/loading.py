"""loading.lua's row with Pillow (libjpeg-turbo): a PyTorch DataLoader with a worker a thread, or one process."""


def rows(env):
    def load(only=None):
        torch = env.torch
        if not (torch and env.pil):
            return {}
        import numpy as np
        from PIL import Image

        files = env.arguments["files"]
        mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
        std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

        class Pictures(torch.utils.data.Dataset):
            def __len__(self):
                return len(files)

            def __getitem__(self, i):
                picture = Image.open(files[i]).convert("RGB")
                w, h = picture.size
                scale = 256 / min(w, h)
                w, h = max(256, int(w * scale)), max(256, int(h * scale))
                picture = picture.resize((w, h), Image.BILINEAR)
                left, top = (w - 224) // 2, (h - 224) // 2
                pixels = np.array(picture.crop((left, top, left + 224, top + 224)))
                return (torch.from_numpy(pixels).permute(2, 0, 1).float().div_(255) - mean) / std

        def passes(workers):
            options = {"persistent_workers": True} if workers else {}
            loader = torch.utils.data.DataLoader(Pictures(), batch_size=32, num_workers=workers, **options)

            def step():
                for _ in loader:
                    pass

            return step

        steps = {"torch, one process": passes(0)}
        if not env.cpu:  # the processor time of other processes is not ours to see
            steps["torch, DataLoader"] = passes(env.threads)
        return steps

    return {"224 x 224 pictures batch 32": load}
