"""Writes ../Fixtures/Heads/*.safetensors: heads of RLE in the four published layouts, with results.

Run by hand, with torch and numpy installed:

    python make_head_goldens.py

Heads, flow, crops, flip test and scores are written from their formulas, in double precision. Weights
and features are rounded to float32, hence exact in Float and in Double. The networks of the flows have
8 units instead of 64, so that the files are small.

Each file holds the weights under the names of its layout, and under `golden.`
  features, features_flipped [n, F]            what the head is given, also for mirrored crops
  mean, scale_logit [n, K, D], scale           its outputs; scale = sigmoid(scale_logit)
  weight_mean, weight_scale [n, K, D]          loss = sum(weight_mean mean + weight_scale scale_logit)
  grad_features, grad_coordinates_weight, …    its derivatives; weights [outputs, features]
  target [n, K, D]                             labels
  log_planar, log_spatial [n, K]               log-density of the PyTorch flow at (mean - target) / scale
  boxes [n, 5], maps [n, 2, 3]                 x, y, width, height, rotation; image -> crop
  image [n, K, D], covariance [n, K, 2, 2]     means and covariances in the image
  flip_mean, flip_scale [n, K, D]              flip test by the published rule
  joint_scores [n, K], pose_scores [n], box_scores, ranking, ranking_annotated [n]
"""

import json
import math
import pathlib
import struct

import numpy as np
import torch

ROWS, FEATURES, JOINTS, HIDDEN = 3, 16, 5, 8
WIDTH, HEIGHT, DEPTH = 192, 256, 2000.0
PAIRS = [(1, 2), (3, 4)]
SLOPE = 0.01

torch.set_default_dtype(torch.float64)
torch.manual_seed(20)


def drawn(*shape, scale=1.0):
    return (scale * torch.randn(*shape)).float().double()


# The networks


def network(weights, prefix, last_tanh, x):
    for layer in (0, 2, 4):
        x = x @ weights[f"{prefix}.{layer}.weight"].T + weights[f"{prefix}.{layer}.bias"]
        if layer < 4:
            x = torch.where(x > 0, x, SLOPE * x)
    return torch.tanh(x) if last_tanh else x


def flow_weights(prefix, masks):
    columns = len(masks[0])
    weights = {f"{prefix}mask": torch.tensor(masks, dtype=torch.float64)}
    for net in "st":
        for index in range(len(masks)):
            sizes = [columns, HIDDEN, HIDDEN, columns]
            for layer, (a, b) in enumerate(zip(sizes, sizes[1:])):
                name = f"{prefix}{net}.{index}.{2 * layer}"
                weights[name + ".weight"] = drawn(b, a, scale=1 / math.sqrt(a))
                weights[name + ".bias"] = drawn(b, scale=0.3)
    return weights


def log_density(weights, prefix, x):
    """log N(z; 0, 1) + log |det dz/dx|, couplings undone from the last to the first."""
    total = torch.zeros(len(x))
    mask = weights[prefix + "mask"]
    for index in reversed(range(len(mask))):
        passed = mask[index] * x
        rest = 1 - mask[index]
        s = network(weights, f"{prefix}s.{index}", True, passed) * rest
        t = network(weights, f"{prefix}t.{index}", False, passed) * rest
        x = passed + rest * (x - t) * torch.exp(-s)
        total = total - s.sum(dim=1)
    return total - 0.5 * (x**2).sum(dim=1) - 0.5 * x.shape[1] * math.log(2 * math.pi)


# Crops, from three points


def crop_map(box, padding=1.25):
    """Image -> crop [2, 3], and the box's padded width, by solving for three pairs of points."""
    x, y, w, h, rotation = box
    center = np.array([x + w / 2, y + h / 2])
    aspect = WIDTH / HEIGHT
    w, h = (w, w / aspect) if w > aspect * h else (h * aspect, h)
    w *= padding
    angle = np.deg2rad(rotation)
    up = np.array([0, -w / 2])
    turned = np.array(
        [
            up[0] * np.cos(angle) - up[1] * np.sin(angle),
            up[0] * np.sin(angle) + up[1] * np.cos(angle),
        ]
    )

    def third(a, b):
        d = a - b
        return b + np.array([-d[1], d[0]])

    source = [center, center + turned]
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    target = [middle, middle + np.array([0, -WIDTH / 2])]
    source.append(third(*source))
    target.append(third(*target))
    return np.linalg.solve(np.c_[np.array(source), np.ones(3)], np.array(target)).T


# Files


def write(path, tensors):
    header, data = {}, b""
    wide_first = sorted(tensors, key=lambda name: (not name.startswith("golden."), name))
    for name in wide_first:
        kind, element = ("F64", "<f8") if name.startswith("golden.") else ("F32", "<f4")
        raw = tensors[name].detach().numpy().astype(element).tobytes()
        shape = list(tensors[name].shape)
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def make(name, dimension, official, head_names, planar, spatial):
    weights = {}
    if official:
        for layer in head_names:
            weights[layer + ".weight"] = drawn(JOINTS * dimension, FEATURES, scale=0.3)
            weights[layer + ".bias"] = drawn(JOINTS * dimension, scale=0.2)
    else:
        weights[head_names[0] + ".weight"] = drawn(JOINTS * 4, FEATURES, scale=0.1)
        weights[head_names[0] + ".bias"] = drawn(JOINTS * 4, scale=0.3)
    weights |= flow_weights(planar, [[0, 1], [1, 0]] * 3)
    if not official:  # buffers of mmpose's flow
        weights[planar + "loc"] = torch.zeros(2)
        weights[planar + "cov"] = torch.eye(2)
    if spatial:
        weights |= flow_weights(spatial, [[0, 0, 1], [1, 1, 0]] * 3)

    # Features after ReLU, rows of different length.
    lengths = torch.tensor([[0.25], [1.0], [4.0]])
    features = drawn(ROWS, FEATURES).abs() * lengths
    flipped = drawn(ROWS, FEATURES).abs() * lengths
    features.requires_grad_()
    trained = [weights[layer + part] for layer in head_names for part in (".weight", ".bias")]
    for tensor in trained:
        tensor.requires_grad_()

    def head(f):
        if official:
            w, b = (weights[head_names[0] + part] for part in (".weight", ".bias"))
            mean = (f @ w.T) / f.norm(dim=1, keepdim=True) + b
            w, b = (weights[head_names[1] + part] for part in (".weight", ".bias"))
            logit = f @ w.T + b
            return mean.view(-1, JOINTS, dimension), logit.view(-1, JOINTS, dimension)
        w, b = (weights[head_names[0] + part] for part in (".weight", ".bias"))
        both = (f @ w.T + b).view(-1, JOINTS, 4)
        return both[:, :, :2], both[:, :, 2:]

    mean, logit = head(features)
    scale = torch.sigmoid(logit)
    golden = {
        "features": features,
        "features_flipped": flipped,
        "mean": mean,
        "scale_logit": logit,
        "scale": scale,
        "weight_mean": drawn(ROWS, JOINTS, dimension),
        "weight_scale": drawn(ROWS, JOINTS, dimension),
        "target": (mean + scale * drawn(ROWS, JOINTS, dimension, scale=1.5)).detach(),
    }
    loss = (golden["weight_mean"] * mean + golden["weight_scale"] * logit).sum()
    gradients = torch.autograd.grad(loss, [features, *trained])
    golden["grad_features"] = gradients[0]
    if official:
        parts = dict(zip(("cw", "cb", "sw", "sb"), gradients[1:]))
    else:
        w = gradients[1].view(JOINTS, 4, FEATURES)
        b = gradients[2].view(JOINTS, 4)
        parts = {
            "cw": w[:, :2].reshape(-1, FEATURES),
            "sw": w[:, 2:].reshape(-1, FEATURES),
            "cb": b[:, :2].reshape(-1),
            "sb": b[:, 2:].reshape(-1),
        }
    golden["grad_coordinates_weight"] = parts["cw"]
    golden["grad_coordinates_bias"] = parts["cb"]
    golden["grad_scales_weight"] = parts["sw"]
    golden["grad_scales_bias"] = parts["sb"]

    # The published sign: prediction minus label.
    error = ((mean - golden["target"]) / scale).reshape(-1, dimension)
    golden["log_planar"] = log_density(weights, planar, error[:, :2]).view(ROWS, JOINTS)
    if spatial:
        golden["log_spatial"] = log_density(weights, spatial, error).view(ROWS, JOINTS)

    boxes = np.array(
        [[30.5, 12, 100, 80, 0], [-20, 40.25, 64, 300, 30], [400, 300, 75, 100, -117.5]]
    )
    maps = np.stack([crop_map(box) for box in boxes])
    origin = 0.5 if official else 0.0
    size = np.array([WIDTH, HEIGHT, DEPTH])[:dimension]
    decoded = mean.detach().numpy().copy()
    decoded[..., :2] += origin
    decoded *= size
    covariances = np.zeros((ROWS, JOINTS, 2, 2))
    for row in range(ROWS):
        back = np.linalg.inv(np.r_[maps[row], [[0, 0, 1]]])
        points = np.c_[decoded[row, :, :2], np.ones(JOINTS)]
        decoded[row, :, :2] = (points @ back.T)[:, :2]
        for joint in range(JOINTS):
            variances = (scale[row, joint, :2].detach().numpy() * size[:2]) ** 2
            covariances[row, joint] = back[:2, :2] @ np.diag(variances) @ back[:2, :2].T
    golden |= {
        "boxes": torch.tensor(boxes),
        "maps": torch.tensor(maps),
        "image": torch.tensor(decoded),
        "covariance": torch.tensor(covariances),
    }

    order = list(range(JOINTS))
    for a, b in PAIRS:
        order[a], order[b] = b, a
    other_mean, other_logit = head(flipped)
    other_mean = other_mean[:, order].clone()
    if official:
        other_mean[..., 0] = -other_mean[..., 0] - 1 / WIDTH
    else:
        other_mean[..., 0] = 1 - other_mean[..., 0] - 1 / WIDTH
    golden["flip_mean"] = (mean + other_mean) / 2
    golden["flip_scale"] = (scale + torch.sigmoid(other_logit[:, order])) / 2

    joints = (1 - scale).mean(dim=2)
    golden["joint_scores"] = joints
    golden["pose_scores"] = 1 - scale.mean(dim=(1, 2))
    golden["box_scores"] = torch.rand(ROWS).float().double()
    golden["ranking_annotated"] = joints.mean(dim=1) + joints.amax(dim=1)
    golden["ranking"] = golden["box_scores"] + golden["ranking_annotated"]

    folder = pathlib.Path(__file__).parent.parent / "Fixtures" / "Heads"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    write(path, weights | {"golden." + key: value for key, value in golden.items()})
    print(path.name, path.stat().st_size)


make("released2D", 2, True, ["fc_coord.linear", "fc_sigma.linear"], "flow.", None)
make("released3D", 3, True, ["fc_coord.linear", "fc_sigma"], "flow2d.", "flow3d.")
make("mmpose", 2, False, ["head.fc"], "head.loss_module.flow_model.", None)
make("mmposeLegacy", 2, False, ["keypoint_head.fc"], "keypoint_head.loss.flow_model.", None)
