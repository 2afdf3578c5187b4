"""Writes ../Fixtures/Checkpoints/*: backbones and RLE models as PyTorch saves them, with their results.

Run by hand, with torch, numpy and safetensors installed:

    python make_checkpoint_goldens.py
    python make_checkpoint_goldens.py --full FOLDER   # full size as well, in a folder of your own

Backbones are written from their description (He et al., CVPR 2016; stride in the second convolution of a
bottleneck) with torchvision's module names. Weights and running statistics are random; results are
computed in double precision from the weights as stored, in eval mode. Widths are small, so that the
files are.

resnet18 (width 4, float32) and resnet50 (width 4, stored as float16), each as
  .pth             zip form, state dictionary without prefix
  -legacy.pth      the form before PyTorch 1.6
  .safetensors     the same arrays and
    golden.images [n, H, W, 3]       the input, exact as float16; PyTorch's axes are [n, 3, H, W]
    golden.pooled [n, h, w, C]       after conv1, bn1, relu, maxpool; float32
    golden.layer1 … golden.layer4    after each stage, [n, h, w, C]; float32
    golden.features [n, C]           after global average pooling; float64
    golden.logits [n, classes]       after fc; float64

rle-official.pth, rle-official-legacy.pth   preact.*, fc_coord.linear.*, fc_sigma.linear.*, flow.*
rle-mmpose.pth                              meta, state_dict (backbone.*, head.*), message_hub
  ResNet-50 of width 2 (64 features), 17 joints of COCO, flow networks of 8 units.
rle-official.safetensors, rle-mmpose.safetensors   results only, as float64:
    golden.pixels [n, 64, 48, 3]        bytes, RGB; the crop of 192 x 256 shows each of them as 4 x 4 pixels
    golden.features, golden.flip_features [n, C]   of the crop and of its mirror image
    golden.mean, golden.scale [n, K, 2]            outputs; scale = sigmoid
    golden.keypoints [n, K, 2]          pixels of the crop
    golden.scores [n, K]                1 - mean of the two scales
    golden.flip_keypoints, golden.flip_scores      flip test by the published rule
  The input is RGB/255 - (0.406, 0.457, 0.480) in the authors' code, and (RGB - mean)/std of ImageNet,
  in units of 1/255, in mmpose.
"""

import argparse
import collections
import datetime
import math
import pathlib
import sys
import types

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

JOINTS = 17
PAIRS = [(1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)]


def conv(inputs, outputs, kernel, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class Basic(nn.Module):
    expansion = 1

    def __init__(self, inputs, planes, stride, downsample):
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, planes, 3, stride), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = conv(planes, planes, 3), nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs, planes, stride, downsample):
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, planes, 1), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = conv(planes, planes, 3, stride), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = conv(planes, 4 * planes, 1), nn.BatchNorm2d(4 * planes)
        self.downsample = downsample

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, block, counts, width=64, classes=10):
        super().__init__()
        self.inputs = width
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        for stage, count in enumerate(counts):
            layers = []
            for index in range(count):
                planes = width << stage
                stride = 2 if stage > 0 and index == 0 else 1
                downsample = None
                if stride != 1 or self.inputs != planes * block.expansion:
                    downsample = nn.Sequential(
                        conv(self.inputs, planes * block.expansion, 1, stride),
                        nn.BatchNorm2d(planes * block.expansion),
                    )
                layers.append(block(self.inputs, planes, stride, downsample))
                self.inputs = planes * block.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.features = self.inputs
        if classes:
            self.fc = nn.Linear(self.inputs, classes)

    def stages(self, x):
        x = torch.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        found = {"pooled": x}
        for stage in (1, 2, 3, 4):
            x = getattr(self, f"layer{stage}")(x)
            found[f"layer{stage}"] = x
        found["features"] = x.mean(dim=(2, 3))
        return found


def randomize(model, half=False):
    """Random weights, and statistics of some pictures times random numbers.

    With statistics that are far from the activations', deep networks of random weights give the same
    features for all images.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan = module.weight[0].numel()
            module.weight.data.normal_(0, math.sqrt(2 / fan))
    for norm in norms:
        norm.weight.data.uniform_(0.5, 1.5)
        norm.bias.data.normal_(0, 0.2)
        norm.momentum = 1.0
    model.train().stages(torch.cat([pictures(16), torch.rand(16, 3, 64, 48)]) * 4 - 2)
    for norm in norms:
        norm.running_mean += 0.2 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= 0.7 + 0.8 * torch.rand_like(norm.running_var)
        norm.num_batches_tracked.fill_(1234)
    if half:
        for tensor in list(model.parameters()) + list(model.buffers()):
            if tensor.is_floating_point():
                tensor.data.copy_(tensor.data.half().float())
    return model.eval()


def pictures(count):
    """Smooth random pictures with some noise, [n, 3, 64, 48] in 0 to 1."""
    coarse = torch.rand(count, 3, 8, 6)
    smooth = nn.functional.interpolate(coarse, size=(64, 48), mode="bilinear")
    return (smooth + 0.1 * torch.randn(count, 3, 64, 48)).clamp(0, 1)


def last(tensor):
    """NCHW -> NHWC."""
    return (tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor).double().contiguous()


def golden(values):
    return {"golden." + name: value.contiguous() for name, value in values.items()}


def backbone(folder, name, block, counts, width, half, size=(64, 48), classes=10):
    model = randomize(ResNet(block, counts, width, classes), half)
    state = model.state_dict()
    if half:
        for key in state:
            if state[key].is_floating_point():
                state[key] = state[key].half()
    images = (torch.rand(2, 3, *size) * 4 - 2).half().double()
    exact = model.double()
    found = exact.stages(images)
    values = {key: last(value).float() for key, value in found.items()}
    values["images"] = last(images).half()
    values["features"], values["logits"] = found["features"], exact.fc(found["features"])
    state = {key: value.float() if not half and value.dtype == torch.float64 else value
             for key, value in state.items()}
    state = collections.OrderedDict(state)
    torch.save(state, folder / f"{name}.pth")
    torch.save(state, folder / f"{name}-legacy.pth", _use_new_zipfile_serialization=False)
    values = {key: value.detach() for key, value in values.items()}
    save_file(dict(state) | golden(values), folder / f"{name}.safetensors")


# Models of RLE


class Network(nn.Sequential):
    def __init__(self, hidden, bounded):
        layers = [nn.Linear(2, hidden), nn.LeakyReLU(), nn.Linear(hidden, hidden), nn.LeakyReLU()]
        layers += [nn.Linear(hidden, 2)] + ([nn.Tanh()] if bounded else [])
        super().__init__(*layers)


class RealNVP(nn.Module):
    def __init__(self, hidden, buffers):
        super().__init__()
        mask = torch.tensor([[0.0, 1.0], [1.0, 0.0]] * 3)
        if buffers:
            self.register_buffer("loc", torch.zeros(2))
            self.register_buffer("cov", torch.eye(2))
            self.register_buffer("mask", mask)
        else:
            self.mask = nn.Parameter(mask, requires_grad=False)
        self.t = nn.ModuleList(Network(hidden, False) for _ in range(6))
        self.s = nn.ModuleList(Network(hidden, True) for _ in range(6))


class Wrapped(nn.Module):
    """A linear layer in a module of its own."""

    def __init__(self, features, outputs):
        super().__init__()
        self.linear = nn.Linear(features, outputs)


def normal(layer, weight, bias):
    layer.weight.data.normal_(0, weight)
    layer.bias.data.normal_(0, bias)


def swapped(values):
    order = list(range(JOINTS))
    for a, b in PAIRS:
        order[a], order[b] = b, a
    return values[:, order]


def pixels(count):
    return (pictures(count) * 255).round().to(torch.uint8)


def results(network, head, image, official):
    def run(x):
        features = network.stages(x)["features"]
        mean, logit = head(features)
        return features, mean, torch.sigmoid(logit)

    features, mean, scale = run(image)
    flip_features, other, other_scale = run(image.flip(3))
    other = swapped(other).clone()
    other[..., 0] = -other[..., 0] - 1 / 192 if official else 1 - other[..., 0] - 1 / 192
    origin = 0.5 if official else 0.0
    size = torch.tensor([192.0, 256.0], dtype=torch.float64)
    return {
        "features": features,
        "flip_features": flip_features,
        "mean": mean,
        "scale": scale,
        "keypoints": (mean + origin) * size,
        "scores": (1 - scale).mean(dim=2),
        "flip_keypoints": ((mean + other) / 2 + origin) * size,
        "flip_scores": ((1 - scale).mean(dim=2) + swapped((1 - other_scale).mean(dim=2))) / 2,
    }


def official(folder, width, hidden):
    model = nn.Module()
    model.preact = randomize(ResNet(Bottleneck, [3, 4, 6, 3], width, classes=0))
    features = model.preact.features
    model.fc_coord = Wrapped(features, 2 * JOINTS)
    model.fc_sigma = Wrapped(features, 2 * JOINTS)
    model.flow = RealNVP(hidden, buffers=False)
    normal(model.fc_coord.linear, 0.2, 0.1)
    normal(model.fc_sigma.linear, 0.1 / math.sqrt(features), 0.5)
    state = collections.OrderedDict((k, v.clone()) for k, v in model.state_dict().items())
    torch.save(state, folder / "rle-official.pth")
    torch.save(state, folder / "rle-official-legacy.pth", _use_new_zipfile_serialization=False)

    model = model.double()

    def head(f):
        coordinates, scales = model.fc_coord.linear, model.fc_sigma.linear
        mean = f @ coordinates.weight.T / f.norm(dim=1, keepdim=True) + coordinates.bias
        return mean.view(-1, JOINTS, 2), scales(f).view(-1, JOINTS, 2)

    small = pixels(2)
    image = small.double().repeat_interleave(4, 2).repeat_interleave(4, 3) / 255
    image = image - torch.tensor([0.406, 0.457, 0.480], dtype=torch.float64).view(1, 3, 1, 1)
    values = results(model.preact, head, image, official=True)
    write_results(folder / "rle-official.safetensors", small, values)


def write_results(path, small, values):
    values = {key: value.detach() for key, value in values.items()}
    spread = values["keypoints"].std(dim=1).mean(dim=0).tolist()
    change = (values["keypoints"][0] - values["keypoints"][1]).abs().mean().item()
    print(path.name, "spread of joints", spread, "between images", change)
    values["pixels"] = small.permute(0, 2, 3, 1)
    save_file(golden(values), path)


def stand_in(module, name):
    """A class under the name of a package that need not be installed."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        path = ".".join(parts[:end])
        sys.modules.setdefault(path, types.ModuleType(path))
    made = type(name, (), {"__module__": module})
    setattr(sys.modules[module], name, made)
    return made


def mmpose(folder, width, hidden):
    model = nn.Module()
    model.backbone = randomize(ResNet(Bottleneck, [3, 4, 6, 3], width, classes=0))
    features = model.backbone.features
    model.head = nn.Module()
    model.head.loss_module = nn.Module()
    model.head.loss_module.flow_model = RealNVP(hidden, buffers=True)
    model.head.fc = nn.Linear(features, 4 * JOINTS)
    normal(model.head.fc, 0.07 / math.sqrt(features), 0.2)
    model.head.fc.bias.data.view(JOINTS, 4)[:, :2] += 0.5

    hub = stand_in("mmengine.logging.message_hub", "MessageHub")()
    history = stand_in("mmengine.logging.history_buffer", "HistoryBuffer")()
    history._log_history = np.linspace(0, 1, 50)
    history._count_history = np.ones(50, dtype=np.int64)
    hub._log_scalars = collections.OrderedDict({"train/loss_kpt": history})
    hub._runtime_info = collections.OrderedDict(epoch=209, iter=np.int64(61_740))
    config = "default_scope = 'mmpose'\nmodel = dict(type='TopdownPoseEstimator')\n"
    file = {
        "meta": {
            "epoch": 210,
            "iter": 61_740,
            "cfg": config,
            "seed": 21,
            "experiment_name": "td-reg_res50_rle-8xb64-210e_coco-256x192",
            "time": datetime.datetime(2022, 9, 13, 12, 30).strftime("%Y%m%d_%H%M%S"),
            "saved": datetime.datetime(2022, 9, 13, 12, 30),
            "mmengine_version": "0.1.0",
            "dataset_meta": {
                "dataset_name": "coco",
                "num_keypoints": JOINTS,
                "flip_indices": [0, 2, 1],
                "sigmas": np.full(JOINTS, 0.05, dtype=np.float32),
                "keypoint_name2id": {"nose": 0},
            },
        },
        "state_dict": collections.OrderedDict(
            (k, v.clone()) for k, v in model.state_dict().items()
        ),
        "message_hub": hub,
        "optimizer": {
            "state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.ones(2, 2)}},
            "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999), "params": [0]}],
        },
        "param_schedulers": [{"base_values": [0.001], "last_step": 61_740}],
    }
    torch.save(file, folder / "rle-mmpose.pth")

    model = model.double()

    def head(f):
        both = model.head.fc(f).view(-1, JOINTS, 4)
        return both[:, :, :2], both[:, :, 2:]

    small = pixels(2)
    image = small.double().repeat_interleave(4, 2).repeat_interleave(4, 3)
    mean = torch.tensor([123.675, 116.28, 103.53], dtype=torch.float64).view(1, 3, 1, 1)
    std = torch.tensor([58.395, 57.12, 57.375], dtype=torch.float64).view(1, 3, 1, 1)
    values = results(model.backbone, head, (image - mean) / std, official=False)
    write_results(folder / "rle-mmpose.safetensors", small, values)


def write_all(folder, width, rle_width, hidden, half, size, classes):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(30)
    with torch.no_grad():
        backbone(folder, "resnet18", Basic, [2, 2, 2, 2], width, False, size, classes)
        backbone(folder, "resnet50", Bottleneck, [3, 4, 6, 3], width, half, size, classes)
        official(folder, rle_width, hidden)
        mmpose(folder, rle_width, hidden)
    for path in sorted(folder.iterdir()):
        print(path.name, path.stat().st_size)


parser = argparse.ArgumentParser()
parser.add_argument("--full", type=pathlib.Path, help="a folder for files of full size")
arguments = parser.parse_args()
here = pathlib.Path(__file__).parent.parent / "Fixtures" / "Checkpoints"
write_all(here, 4, 2, 8, True, (64, 48), 10)
if arguments.full:
    write_all(arguments.full, 64, 64, 64, False, (256, 192), 1000)
