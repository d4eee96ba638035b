#!/usr/bin/env python3
"""Makes pictures.lua with Pillow: small files of every format with the pixels that Pillow reads from them, and resized pictures.

    python3 spec/golden/make_pictures.py          # needs Pillow; running the specs needs no Python
"""
import io
import os
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))


def pattern(w, h, channels=3):
    """Smooth and rough parts; the spec makes the same one."""
    return bytes((x * x * 3 + y * 7 + x * y + c * 40) % 256 if (x // 8 + y // 8) % 2 else (x * 5 + y * 3 + c * 60) % 256
                 for y in range(h) for x in range(w) for c in range(channels))


def picture(w, h, mode):
    n = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
    return Image.frombytes(mode, (w, h), pattern(w, h, n))


def resized():
    out = []
    for w, h, to_w, to_h in [(53, 37, 24, 16), (53, 37, 61, 80), (53, 37, 53, 9), (41, 41, 32, 64), (64, 48, 16, 16), (7, 5, 30, 3)]:
        for name, kind in [("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC), ("nearest", Image.NEAREST)]:
            for mode in ["RGB", "L"]:
                r = picture(w, h, mode).resize((to_w, to_h), kind)
                out.append({"from": [w, h], "to": [to_w, to_h], "filter": name, "channels": len(mode) if mode == "RGB" else 1, "pixels": r.tobytes().hex()})
    return out


def files():
    out = []

    def add(name, image, kind, exact=True, **options):
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        data = buffer.getvalue()
        back = Image.open(io.BytesIO(data))
        out.append({"name": name, "bytes": data.hex(), "exact": exact, "size": list(back.size), "rgb": back.convert("RGB").tobytes().hex(),
                    "grey": back.convert("L").tobytes().hex() if exact and back.mode in ("L", "1") else None,
                    "rgba": back.convert("RGBA").tobytes().hex() if "A" in back.mode else None})

    add("rgb.png", picture(19, 13, "RGB"), "PNG")
    add("grey.png", picture(19, 13, "L"), "PNG")
    add("alpha.png", picture(11, 9, "RGBA"), "PNG")
    add("grey_alpha.png", picture(11, 9, "LA"), "PNG")
    add("palette.png", picture(19, 13, "RGB").quantize(32), "PNG")
    add("one_bit.png", picture(19, 13, "L").convert("1"), "PNG")
    add("interlaced_source.bmp", picture(19, 13, "RGB"), "BMP")
    add("grey.bmp", picture(19, 13, "L"), "BMP")
    add("palette.gif", picture(19, 13, "RGB").quantize(32), "GIF")
    add("rgb.tga", picture(19, 13, "RGB"), "TGA")
    add("packed.tga", picture(19, 13, "RGB"), "TGA", compression="tga_rle")
    add("alpha.tga", picture(11, 9, "RGBA"), "TGA")
    add("rgb.ppm", picture(19, 13, "RGB"), "PPM")
    add("grey.pgm", picture(19, 13, "L"), "PPM")
    smooth = picture(64, 48, "RGB").resize((40, 32), Image.BICUBIC)
    add("rgb.jpg", smooth, "JPEG", False, quality=92, subsampling=0)
    add("subsampled.jpg", smooth, "JPEG", False, quality=85, subsampling=2)
    add("progressive.jpg", smooth, "JPEG", False, quality=85, progressive=True)
    add("grey.jpg", smooth.convert("L"), "JPEG", False, quality=90)
    return out


def lua(v):
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        return str(v)
    if isinstance(v, str):
        return '"%s"' % v
    if isinstance(v, list):
        return "{ " + ", ".join(lua(x) for x in v) + " }"
    return "{ " + ", ".join('["%s"] = %s' % (k, lua(x)) for k, x in v.items() if x is not None) + " }"


with open(os.path.join(HERE, "pictures.lua"), "w") as f:
    f.write("-- Made by spec/golden/make_pictures.py with Pillow. Pixels and files are hexadecimal, rows of interleaved channels.\nreturn {\n")
    for name, cases in [("files", files()), ("resized", resized())]:
        f.write("  %s = {\n" % name + "".join("    %s,\n" % lua(c) for c in cases) + "  },\n")
    f.write("}\n")
