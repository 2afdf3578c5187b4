"""Writes Fixtures/*.safetensors: flows in PyTorch with their log-densities, latents and gradients.

Run by hand, with torch, numpy and safetensors installed:

    python make_goldens.py

The flows are written from their formulas, the way PyTorch users write them (masks over all columns,
weights [out, in]). Weights are rounded to float32 and stored so, hence they are exact in Float and in
Double; inputs are rounded to float32 as well, and everything is computed and stored in float64.

Each file holds the weights as a state_dict names them, and
  input        [n, D]  rows x; the first quarter of them far out
  log_density  [n]     log p(x)
  latent       [n, D]  z(x)
  gradient     [n, D]  n times the derivative of the mean of log p by x, so that rows have their own scale
"""

import math
import pathlib
import platform

import safetensors
import safetensors.torch
import torch
from torch import nn

ROWS = 300  # more than one tile of the Swift evaluation
KINK_MARGIN = 1e-4

pre_activations = []


class RecordingLeakyReLU(nn.LeakyReLU):
    """Notes how close its input comes to the kink, where the gradient jumps."""

    def forward(self, x):
        pre_activations.append(x.detach().abs().amin(dim=1))
        return super().forward(x)


def network(inputs, hidden, outputs, activation, last=None):
    widths = [inputs, *hidden]
    layers = []
    for a, b in zip(widths, widths[1:]):
        layers += [nn.Linear(a, b), activation()]
    layers.append(nn.Linear(widths[-1], outputs))
    if last is not None:
        layers.append(last)
    return nn.Sequential(*layers)


class MaskedRealNVP(nn.Module):
    """x = m z + (1 - m)(z exp(s(m z)) + t(m z)) from layer 0 to the last, s ending in tanh.

    With the masks and widths of the RLE paper this is its flow.
    """

    def __init__(self, masks, hidden):
        super().__init__()
        self.register_buffer("mask", torch.tensor(masks, dtype=torch.get_default_dtype()))
        columns = self.mask.shape[1]
        self.s = nn.ModuleList(
            network(columns, hidden, columns, RecordingLeakyReLU, nn.Tanh()) for _ in masks)
        self.t = nn.ModuleList(network(columns, hidden, columns, RecordingLeakyReLU) for _ in masks)

    def to_latent(self, x):
        log_det = x.new_zeros(x.shape[0])
        for i in reversed(range(len(self.mask))):
            m = self.mask[i]
            s = self.s[i](m * x) * (1 - m)
            t = self.t[i](m * x) * (1 - m)
            x = m * x + (1 - m) * (x - t) * torch.exp(-s)
            log_det = log_det - s.sum(dim=1)
        return x, log_det

    def to_data(self, z):
        for i in range(len(self.mask)):
            m = self.mask[i]
            s = self.s[i](m * z) * (1 - m)
            t = self.t[i](m * z) * (1 - m)
            z = m * z + (1 - m) * (z * torch.exp(s) + t)
        return z

    def log_base(self, z):
        return (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(dim=1)


class JointRealNVP(nn.Module):
    """One network per layer gives log-scales and shifts of the transformed columns only.

    The log-scale is a / (1 + |a|), the activation SiLU, the base a Gaussian that is learned.
    """

    bound = 1.0

    def __init__(self, columns, layers, hidden):
        super().__init__()
        self.loc = nn.Parameter(torch.randn(columns))
        self.log_scale = nn.Parameter(0.5 * torch.randn(columns))
        self.passed = [[c for c in range(columns) if (c + i) % 2 == 1] for i in range(layers)]
        self.changed = [[c for c in range(columns) if (c + i) % 2 == 0] for i in range(layers)]
        self.net = nn.ModuleList(
            network(len(a), hidden, 2 * len(b), nn.SiLU)
            for a, b in zip(self.passed, self.changed))

    def parameters_of(self, i, x):
        raw, t = self.net[i](x[:, self.passed[i]]).chunk(2, dim=1)
        return raw / (1 + (raw / self.bound).abs()), t

    def to_latent(self, x):
        log_det = x.new_zeros(x.shape[0])
        for i in reversed(range(len(self.net))):
            s, t = self.parameters_of(i, x)
            z = x.clone()
            z[:, self.changed[i]] = (x[:, self.changed[i]] - t) * torch.exp(-s)
            x = z
            log_det = log_det - s.sum(dim=1)
        return x, log_det

    def to_data(self, z):
        for i in range(len(self.net)):
            s, t = self.parameters_of(i, z)
            x = z.clone()
            x[:, self.changed[i]] = z[:, self.changed[i]] * torch.exp(s) + t
            z = x
        return z

    def log_base(self, z):
        scaled = (z - self.loc) * torch.exp(-self.log_scale)
        return (-0.5 * scaled**2 - self.log_scale - 0.5 * math.log(2 * math.pi)).sum(dim=1)


def perturb(model):
    """Moves the weights away from the default start, whose log-scales are all near 0.

    Much more than this, and rounding in float32 alone moves the far rows by more than 1e-5.
    """
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name not in ("loc", "log_scale"):
                p.add_(0.05 * torch.randn_like(p))
            p.copy_(p.float().double())


def inputs(model, columns):
    """Rows away from the kinks of all activations, the first quarter with |x| up to 20."""
    near = 1.5 * torch.randn(20 * ROWS, columns)
    far = 40 * torch.rand(20 * ROWS, columns) - 20
    picked = []
    for rows, count in ((far, ROWS // 4), (near, ROWS - ROWS // 4)):
        rows = rows.float().double()
        pre_activations.clear()
        with torch.no_grad():
            model.to_latent(rows)
        if pre_activations:
            rows = rows[torch.stack(pre_activations).amin(dim=0) > KINK_MARGIN]
        assert len(rows) >= count
        picked.append(rows[:count])
    return torch.cat(picked)


def write(name, model, columns):
    perturb(model)
    x = inputs(model, columns).requires_grad_()
    z, log_det = model.to_latent(x)
    log_density = model.log_base(z) + log_det
    (gradient,) = torch.autograd.grad(ROWS * log_density.mean(), x)
    round_trip = (model.to_data(z) - x).abs().max().item()
    assert round_trip < 1e-10, round_trip

    arrays = {key: value.detach().float().contiguous() for key, value in model.state_dict().items()}
    arrays |= {
        "input": x.detach(), "log_density": log_density.detach(), "latent": z.detach(),
        "gradient": gradient,
    }
    # One entry, since the order of several is not the same in every run.
    metadata = {
        "made_with": f"torch {torch.__version__.split('+')[0]}, safetensors "
        f"{safetensors.__version__}, python {platform.python_version()}"
    }
    path = pathlib.Path(__file__).parent / "Fixtures" / f"{name}.safetensors"
    safetensors.torch.save_file(
        {key: value.contiguous() for key, value in arrays.items()}, path, metadata)
    print(
        f"{name}: {path.stat().st_size} bytes, log p in "
        f"[{log_density.min():.4g}, {log_density.max():.4g}], log_det in "
        f"[{log_det.min():.3g}, {log_det.max():.3g}], round trip {round_trip:.1e}")


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    torch.manual_seed(20210724)
    write("rle2d", MaskedRealNVP([[0, 1], [1, 0]] * 3, [64, 64]), 2)
    write("rle3d", MaskedRealNVP([[0, 0, 1], [1, 1, 0]] * 3, [64, 64]), 3)
    write("realnvp4d", MaskedRealNVP([[0, 1, 0, 1], [1, 0, 1, 0]] * 4, [32, 24]), 4)
    write("joint4d", JointRealNVP(4, 8, [24, 24]), 4)


if __name__ == "__main__":
    main()
