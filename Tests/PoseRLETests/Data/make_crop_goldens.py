"""Writes ../Fixtures/Data/crops.safetensors: turned, scaled and mirrored crops by PyTorch's grid_sample.

Run by hand, with torch and numpy installed:

    python make_crop_goldens.py

or, to compare with other images of 8 bits `[n, S, S]` and keypoints `[n, K, 3]` (x, y in their pixels,
1 where labelled),

    python make_crop_goldens.py images.npy keypoints.npy output.safetensors

Sampling runs in double precision: affine_grid and grid_sample with align_corners=False and zeros for
padding, on (byte / 255 - 0.45) / 0.25. The file holds
  images [n, S, S]         bytes
  keypoints [n, K, 3]      x, y in pixels, 1 where labelled
  changes [n, 3]           angle in degrees, scale of the content, 1 where mirrored
  crops [n, S, S]          normalised
  labels [n, K, 2]         shares of the crop from its centre
  weights [n, K]           1 where labelled and within the crop
"""

import json
import math
import pathlib
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

PAIRS = [(0, 5), (1, 4), (2, 3), (6, 11), (7, 10), (8, 9)]
CHANGES = [
    (0, 1, 0), (0, 1, 1), (40, 1, 0), (-25, 0.75, 1), (13, 1.25, 0), (90, 0.9, 1), (-7.5, 0.68, 0),
    (33, 1.2, 1),
]

torch.set_default_dtype(torch.float64)


def augmented(images, keypoints, changes):
    size = images.shape[-1]
    angle, scale, flips = torch.deg2rad(changes[:, 0]), changes[:, 1], changes[:, 2] > 0
    cosine, sine = torch.cos(angle), torch.sin(angle)
    turn = torch.stack([torch.stack([cosine, -sine], 1), torch.stack([sine, cosine], 1)], 1)
    places = keypoints[..., :2] / (size / 2) - 1
    moved = torch.einsum("nij,nkj->nki", turn, places) * scale[:, None, None]
    back = torch.cat([turn.transpose(1, 2) / scale[:, None, None], torch.zeros(len(images), 2, 1)], 2)
    grid = F.affine_grid(back, [len(images), 1, size, size], align_corners=False)
    normalised = ((images / 255 - 0.45) / 0.25)[:, None]
    crops = F.grid_sample(normalised, grid, align_corners=False)[:, 0]
    order = list(range(keypoints.shape[1]))
    for left, right in PAIRS:
        order[left], order[right] = right, left
    labelled = keypoints[..., 2].clone()
    crops[flips] = crops[flips].flip(-1)
    moved[flips] = moved[flips][:, order]
    moved[flips, :, 0] *= -1
    labelled[flips] = labelled[flips][:, order]
    return crops, moved / 2, labelled * (moved.abs() < 1).all(-1)


def write(path, tensors):
    header, data = {}, b""
    for name, (kind, tensor) in tensors.items():
        raw = tensor.numpy().astype({"F64": "<f8", "F32": "<f4"}[kind]).tobytes()
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": offsets}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    if len(sys.argv) == 4:
        images = torch.from_numpy(np.load(sys.argv[1]).astype(np.float64))
        keypoints = torch.from_numpy(np.load(sys.argv[2]).astype(np.float64))
        path = pathlib.Path(sys.argv[3])
    else:
        numbers = np.random.default_rng(3)
        images = torch.from_numpy(numbers.integers(0, 256, (len(CHANGES), 24, 24)).astype(np.float64))
        places = numbers.uniform(0, 24, (len(CHANGES), 14, 2)).astype(np.float32)
        seen = numbers.uniform(size=(len(CHANGES), 14, 1)) < 0.8
        keypoints = torch.from_numpy(np.concatenate([places, seen], 2).astype(np.float64))
        path = pathlib.Path(__file__).parent / "../Fixtures/Data/crops.safetensors"
    changes = torch.tensor([CHANGES[i % len(CHANGES)] for i in range(len(images))])
    crops, labels, weights = augmented(images, keypoints, changes.double())
    write(path, {
        "changes": ("F64", changes.double()), "labels": ("F64", labels), "weights": ("F64", weights),
        "keypoints": ("F64", keypoints), "images": ("F32", images), "crops": ("F32", crops),
    })


main()
