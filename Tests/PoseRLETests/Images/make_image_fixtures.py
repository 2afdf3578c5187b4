"""Small images and the pixels that they decode to, by Pillow (and by hand where it does otherwise).

Usage: python make_image_fixtures.py ../Fixtures/Images
"""
import base64
import json
import os
import sys

import numpy as np
from PIL import Image

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
expected = {}


def add(name, image, pixels, tolerance=0, **options):
    image.save(os.path.join(folder, name), **options)
    pixels = np.asarray(pixels, dtype=np.uint8)
    expected[name] = {
        "width": pixels.shape[1], "height": pixels.shape[0],
        "channels": 1 if pixels.ndim == 2 else 3, "tolerance": tolerance,
        "bytes": base64.b64encode(pixels.tobytes()).decode(),
    }


def add_jpeg(name, image, **options):
    path = os.path.join(folder, name)
    image.save(path, **options)
    add(name, image, Image.open(path), 2, **options)


x, y = np.meshgrid(np.arange(21), np.arange(13))
smooth = np.stack([12 * x, 255 - 19 * y, 6 * x + 9 * y], axis=-1).clip(0, 255).astype(np.uint8)
noisy = np.random.default_rng(6).integers(0, 256, (13, 21, 3), dtype=np.uint8)
gray = noisy[..., 0]

add_jpeg("gray.jpg", Image.fromarray(smooth[..., 2]), quality=90)
add_jpeg("rgb.jpg", Image.fromarray(smooth), quality=90)
add_jpeg("progressive.jpg", Image.fromarray(smooth), quality=90, progressive=True, subsampling=0)
exif = Image.Exif()
exif[0x0112] = 6  # to be turned by a right angle
add_jpeg("orientation.jpg", Image.fromarray(smooth), quality=90, exif=exif)
Image.fromarray(smooth).convert("CMYK").save(os.path.join(folder, "cmyk.jpg"))

add("gray.png", Image.fromarray(gray), gray)
add("rgb.png", Image.fromarray(noisy), noisy)
palette = Image.fromarray(noisy).quantize(16)
add("palette.png", palette, palette.convert("RGB"))
bits = Image.fromarray(gray).convert("1")
add("bits.png", bits, bits.convert("L"))
deep = np.random.default_rng(7).integers(0, 65536, (13, 21), dtype=np.uint16)
add("gray16.png", Image.fromarray(deep), np.rint(deep / 257), 1)
# Opaque, transparent and half of it; composed on white, in light and not in bytes, as libpng does.
alpha = np.array([255, 0, 128], dtype=np.uint8)[(x + y) % 3]
light = np.where(noisy <= 10.31475, noisy / 255 / 12.92, ((noisy / 255 + 0.055) / 1.055) ** 2.4)
light = light * (alpha / 255)[..., None] + (1 - alpha / 255)[..., None]
composed = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
add("alpha.png", Image.fromarray(np.dstack([noisy, alpha])), np.rint(255 * composed), 2)

with open(os.path.join(folder, "expected.json"), "w") as file:
    json.dump(expected, file, indent=1)
