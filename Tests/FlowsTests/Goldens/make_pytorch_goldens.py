"""Writes Fixtures/PyTorch/*: files of torch.save in both forms, and their content as safetensors.

Run by hand, with torch, numpy and safetensors installed:

    python make_pytorch_goldens.py

types.pth, types-legacy.pth   every element type, strides of all kinds, shared storages
nested.pth, nested-legacy.pth a checkpoint: dictionaries in dictionaries, numbers, texts, an optimizer's
                              state, objects of other classes
protocol4.pth                 types.pth by protocol 4
unchecked.pth                 without checksums
weird.pth                     types that cannot be read beside one that can
expected.safetensors          what the tensors of types.pth and nested.pth are, contiguous, float64
"""

import collections
import datetime
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file

torch.manual_seed(5)
folder = pathlib.Path(__file__).parent / "Fixtures" / "PyTorch"
folder.mkdir(parents=True, exist_ok=True)


def content():
    values = torch.tensor([0.0, -1.5, 3.25, 65504.0, 1e-3, -2.0])
    types = collections.OrderedDict()
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        types[str(dtype).split(".")[1]] = values.to(dtype)
    types["infinite"] = torch.tensor([float("inf"), float("-inf"), -0.0, 1e-40])
    for dtype in (torch.int64, torch.int32, torch.int16, torch.int8):
        low, high = torch.iinfo(dtype).min, torch.iinfo(dtype).max
        types[str(dtype).split(".")[1]] = torch.tensor([low, -1, 0, 7, high], dtype=dtype)
    types["uint8"] = torch.tensor([0, 7, 255], dtype=torch.uint8)
    types["bool"] = torch.tensor([True, False, True])
    table = torch.arange(60, dtype=torch.float32).reshape(3, 4, 5)
    types["view.whole"] = table
    types["view.transposed"] = table.permute(2, 0, 1)
    types["view.column"] = table[:, 1:3, 2]
    types["view.steps"] = table[1:, ::3, 1::2]
    types["view.tail"] = table[2]
    types["view.expanded"] = table[:, :1, 0].expand(3, 4)
    types["view.one"] = table[1, 2, 3]
    channels = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    types["view.channels_last"] = channels
    types["scalar"] = torch.tensor(2.5)
    types["empty"] = torch.zeros(0, 3)
    types["six"] = torch.randn(1, 2, 1, 3, 1, 2)
    types["parameter"] = torch.nn.Parameter(torch.randn(3, 2))
    return types


class Recorder:
    """A class that no reader knows."""

    def __init__(self):
        self.values = [1.0, 2.0]
        self.tensor = torch.ones(2)


class Named(dict):
    pass


def checkpoint():
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.125)
    model(torch.randn(2, 2, 4, 4)).sum().backward()
    optimizer.step()
    return {
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": 210,
        "best": 0.75,
        "done": True,
        "negative": -70000,
        "large": 1 << 40,
        "nothing": None,
        "meta": {
            "version": "1.3.2",
            "config": "model = dict(\n  type='größe')\n" * 10,
            "time": datetime.datetime(2022, 9, 14, 1, 2, 3),
            "accuracy": np.float64(0.5),
            "table": np.arange(3.0),
            "classes": ("person", "dog"),
            7: "seven",
        },
        "message_hub": Recorder(),
        "named": Named(a=torch.ones(1)),
        "dtype": torch.float32,
        "device": torch.device("cpu"),
        "size": torch.Size([4, 5]),
        "set": {1, 2},
        "bytes": b"\x00\xff",
        "default": collections.defaultdict(int, count=3),
    }


def flat(value, name=""):
    if isinstance(value, torch.Tensor):
        return {name: value.detach().double().contiguous().clone()}
    result = {}
    if isinstance(value, dict) and not isinstance(value, Named):
        for key, item in value.items():
            result |= flat(item, f"{name}.{key}" if name else str(key))
    return result


types, nested = content(), checkpoint()
torch.save(types, folder / "types.pth")
torch.save(types, folder / "types-legacy.pth", _use_new_zipfile_serialization=False)
torch.save(types, folder / "protocol4.pth", pickle_protocol=4)
torch.save(nested, folder / "nested.pth")
torch.save(nested, folder / "nested-legacy.pth", _use_new_zipfile_serialization=False)
save_file(flat(types) | flat(nested), folder / "expected.safetensors")

weird = {
    "complex": torch.ones(2, dtype=torch.complex64),
    "uint16": torch.tensor([1, 65535], dtype=torch.uint16),
    "uint64": torch.tensor([1, 1 << 40], dtype=torch.uint64),
    "float8": torch.ones(2).to(torch.float8_e4m3fn),
    "sparse": torch.eye(2).to_sparse(),
    "quantized": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
    "seven": torch.ones(1, 1, 1, 1, 1, 1, 2),
    "good": torch.tensor([1.0, 2.0]),
}
torch.save(weird, folder / "weird.pth")
torch.save(torch.arange(4.0), folder / "single.pth")
torch.save(torch.nn.Linear(2, 2), folder / "model.pth")
torch.serialization.set_crc32_options(False)
torch.save({"good": torch.tensor([1.0, 2.0])}, folder / "unchecked.pth")
for path in sorted(folder.iterdir()):
    print(path.name, path.stat().st_size)
