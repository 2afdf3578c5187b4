"""Writes ../Fixtures/likelihood{2,3}d.safetensors: losses of keypoints in PyTorch, with their gradients.

Run by hand, with torch, numpy and safetensors installed:

    python make_likelihood_goldens.py

The losses are written from their formulas, in the form in which the paper and the two published code bases
state them: each with its own sign of the residual, its own constants and its own reduction. Everything is
computed in float64 from inputs and weights that are exact in float32.

The published codes give their flow (prediction - target) / sigma. The weights are stored *mirrored*, as
those of the density of the negative, and so are their gradients; nothing else is changed.

Each file holds the weights under `flow.`, the inputs
  mean, logit  [n, K, D]
  shear        [n, K, D (D - 1) / 2]
  target       [n, K, D]
  weight       [n, K]
  has_depth    [n, K]   (3-D only)
  nodes, log_weights  [m, D], [m]    of a coarse rule for the integral of base times flow
  log_normalizer      [1]            of a fine one (2-D only)
and for each case C the arrays `C.value` [1], `C.mean`, `C.logit`, `C.shear` (gradients), and the gradients by
the weights of the flow under `C.flow.`, by those of the flow for joints without depth under `C.planar.`.
"""

import math
import pathlib

import numpy
import safetensors.torch
import torch
from torch import nn

POSES, JOINTS, HIDDEN = 5, 4, 6

torch.set_default_dtype(torch.float64)


def network(dimension, is_scale):
    layers = [
        nn.Linear(dimension, HIDDEN), nn.LeakyReLU(),
        nn.Linear(HIDDEN, HIDDEN), nn.LeakyReLU(),
        nn.Linear(HIDDEN, dimension),
    ]
    return nn.Sequential(*layers, *([nn.Tanh()] if is_scale else []))


class RealNVP(nn.Module):
    """The flow of the paper, with narrower networks."""

    def __init__(self, dimension):
        super().__init__()
        pair = [[0, 1], [1, 0]] if dimension == 2 else [[0, 0, 1], [1, 1, 0]]
        self.register_buffer("mask", torch.tensor(pair * 3, dtype=torch.float64))
        self.s = nn.ModuleList(network(dimension, True) for _ in range(6))
        self.t = nn.ModuleList(network(dimension, False) for _ in range(6))

    def backward_p(self, x):
        z, log_det = x, torch.zeros(x.shape[0])
        for i in reversed(range(6)):
            m = self.mask[i]
            a = m * z
            s, t = self.s[i](a) * (1 - m), self.t[i](a) * (1 - m)
            z = a + (1 - m) * (z - t) * torch.exp(-s)
            log_det = log_det - s.sum(dim=1)
        return z, log_det

    def log_prob(self, x):
        z, log_det = self.backward_p(x)
        return -0.5 * (z**2).sum(dim=1) - 0.5 * x.shape[1] * math.log(2 * math.pi) + log_det


def mirrored(arrays):
    """Weights (or gradients by weights) of the density of -x."""
    result = {}
    for name, array in arrays.items():
        kind, _, layer, what = (name.split(".") + ["", "", ""])[:4]
        negate = (layer == "0" and what == "weight") or (kind == "t" and layer == "4")
        result[name] = -array if negate else array
    return result


def standardized(target, mean, sigma, shear):
    """U^-1 (g - mu) / sigma, column by column."""
    u = (target - mean) / sigma
    if shear is None:
        return u
    columns, k = [u[..., 0]], 0
    for row in range(1, u.shape[-1]):
        value = u[..., row]
        for column in range(row):
            value = value - shear[..., k] * columns[column]
            k += 1
        columns.append(value)
    return torch.stack(columns, dim=-1)


def log_phi(flow, x):
    return flow.log_prob(x.reshape(-1, x.shape[-1])).reshape(x.shape[:-1])


def density_loss(case, flow, mean, logit, shear, target):
    """The losses that are negative log-densities (up to log Z), per joint; the flow is that of the negative."""
    if case == "l1":
        return ((target - mean).abs() + math.log(2)).sum(-1)
    if case == "l2":
        return (0.5 * (target - mean) ** 2 + 0.5 * math.log(2 * math.pi)).sum(-1)
    sigma = torch.sigmoid(logit)
    if case == "basic":
        # The stored flow is that of the negative on both sides: f'^-1(g) = -f^-1(-g), same determinant.
        z, log_det = flow.backward_p(-target.reshape(-1, target.shape[-1]))
        z, log_det = -z.reshape(target.shape), log_det.reshape(target.shape[:-1])
        normal = torch.distributions.Normal(mean, sigma)
        return -normal.log_prob(z).sum(-1) - log_det
    x = standardized(target, mean, sigma, shear)
    log_sigma = sigma.log().sum(-1)
    if case.startswith("laplace"):
        return -torch.distributions.Laplace(0.0, 1.0).log_prob(x).sum(-1) + log_sigma
    if case.startswith("gaussian"):
        return -torch.distributions.Normal(0.0, 1.0).log_prob(x).sum(-1) + log_sigma
    if case.startswith("direct"):
        return -log_phi(flow, -x) + log_sigma
    if case.startswith("residual"):
        log_q = torch.distributions.Laplace(0.0, 1.0).log_prob(x).sum(-1)
        return -log_q - log_phi(flow, -x) + log_sigma
    raise ValueError(case)


def official(flow, mean, logit, target, weight):
    sigma = torch.sigmoid(logit)
    bar_mu = (mean - target) / sigma
    nf_loss = torch.log(sigma) - log_phi(flow, bar_mu)[..., None]
    amplitude = 1 / math.sqrt(2 * math.pi)
    q = torch.log(sigma / amplitude) + torch.abs(target - mean) / (math.sqrt(2) * sigma + 1e-9)
    return ((nf_loss + q) * weight[..., None]).sum() / len(mean)


def mmpose(flow, mean, logit, target, weight, q="laplace"):
    sigma = torch.sigmoid(logit)
    error = (mean - target) / (sigma + 1e-9)
    loss = torch.log(sigma) - log_phi(flow, error)[..., None]
    if q == "laplace":
        loss = loss + torch.log(sigma * 2) + torch.abs(error)
    else:
        loss = loss + torch.log(sigma * math.sqrt(2 * math.pi)) + 0.5 * error**2
    return (loss * weight[..., None] / len(mean)).sum()


def rule(edges, count, dimension):
    """Gauss-Legendre nodes on the cells between edges, in every axis."""
    x, w = numpy.polynomial.legendre.leggauss(count)
    middles, halves = (edges[1:] + edges[:-1]) / 2, (edges[1:] - edges[:-1]) / 2
    points = torch.tensor((middles[:, None] + halves[:, None] * x).ravel())
    weights = torch.tensor((halves[:, None] * w).ravel()).log()
    grid = torch.stack(torch.meshgrid([points] * dimension, indexing="ij"), -1).reshape(-1, dimension)
    logs = sum(torch.meshgrid([weights] * dimension, indexing="ij")).reshape(-1)
    return grid, logs


def log_normalizer(flow, points, log_weights):
    """log of the integral of Laplace times flow; the flow is that of the negative."""
    log_q = torch.distributions.Laplace(0.0, 1.0).log_prob(points).sum(-1)
    return torch.logsumexp(log_weights + log_q + flow.log_prob(-points), dim=0)


def mean_over_joints(losses, weight):
    return (losses * weight).sum() / weight.sum()


def main():
    folder = pathlib.Path(__file__).parent.parent / "Fixtures"
    for dimension in (2, 3):
        torch.manual_seed(dimension)
        flow, planar = RealNVP(dimension), RealNVP(2)
        for parameter in [*flow.parameters(), *planar.parameters()]:
            parameter.data = ((1.5 if dimension == 2 else 1.1) * parameter.data).float().double()
        single = lambda t: t.float().double()
        shape = (POSES, JOINTS, dimension)
        target = single(torch.randn(shape) * 0.3)
        mean = single(target + torch.randn(shape) * 0.2)
        logit = single(torch.randn(shape) - 0.5)
        shear = single(torch.randn(POSES, JOINTS, dimension * (dimension - 1) // 2) * 0.7)
        weight = single(torch.tensor([1.0, 0.0, 0.5, 1.0, 1.0]).repeat(4).reshape(POSES, JOINTS))
        depth = (torch.arange(POSES * JOINTS) % 3 != 1).double().reshape(POSES, JOINTS)
        out = {
            "mean": mean, "logit": logit, "shear": shear, "target": target, "weight": weight,
        }
        if dimension == 3:
            out["has_depth"] = depth
        state = lambda m: {k: v for k, v in m.state_dict().items()}
        out |= {f"flow.{k}": v for k, v in mirrored(state(flow)).items()}
        out |= {f"planar.{k}": v for k, v in mirrored(state(planar)).items()}

        def density(case):
            def loss(m, r, c):
                return mean_over_joints(
                    density_loss(case, flow, m, r, c if case.endswith("Full") else None, target), weight)
            return loss

        cases = {
            c: density(c)
            for c in ["l1", "l2", "laplace", "gaussian", "direct", "residual", "basic",
                      "laplaceFull", "gaussianFull", "directFull", "residualFull"]
        }
        points, log_weights = rule(numpy.array([-12.0, -3, 0, 3, 12]), 12 if dimension == 2 else 3, dimension)
        points, log_weights = single(points), single(log_weights)
        out |= {"nodes": points, "log_weights": log_weights}
        if dimension == 2:
            with torch.no_grad():
                out["log_normalizer"] = log_normalizer(
                    flow, *rule(numpy.linspace(-40, 40, 321), 4, 2)).reshape(1)
        cases["residualExact"] = lambda m, r, c: (
            density("residual")(m, r, c) + log_normalizer(flow, points, log_weights))
        cases["residualReleased"] = lambda m, r, c: official(flow, m, r, target, weight)
        cases["residualMMPose"] = lambda m, r, c: mmpose(flow, m, r, target, weight)
        cases["residualMMPoseGaussian"] = lambda m, r, c: mmpose(flow, m, r, target, weight, "gaussian")
        if dimension == 3:
            def mixed(m, r, c):
                """The authors' 3-D form: joints without depth use two axes and a flow of their own."""
                full, flat = weight * depth, weight * (1 - depth)
                return official(flow, m, r, target, full) + official(
                    planar, m[..., :2], r[..., :2], target[..., :2], flat)
            cases["mixed"] = mixed
        for name, loss in cases.items():
            m, r, c = (t.clone().requires_grad_() for t in (mean, logit, shear))
            for parameter in [*flow.parameters(), *planar.parameters()]:
                parameter.grad = None
            value = loss(m, r, c)
            value.backward()
            out[f"{name}.value"] = value.detach().reshape(1)
            for key, tensor in (("mean", m), ("logit", r), ("shear", c)):
                if tensor.grad is not None:
                    out[f"{name}.{key}"] = tensor.grad
            for part, module in (("flow", flow), ("planar", planar)):
                gradients = {k: p.grad for k, p in module.named_parameters() if p.grad is not None}
                if gradients:
                    gradients["mask"] = module.mask
                    out |= {f"{name}.{part}.{k}": v for k, v in mirrored(gradients).items()}
        path = folder / f"likelihood{dimension}d.safetensors"
        exact = {"mean", "logit", "shear", "target", "weight", "has_depth", "nodes", "log_weights"}
        arrays = {
            k: (v.float() if k in exact or k.split(".")[0] in ("flow", "planar") else v).contiguous().clone()
            for k, v in out.items()
        }
        safetensors.torch.save_file(arrays, path)
        print(path.name, path.stat().st_size, {n: round(float(out[f"{n}.value"]), 6) for n in cases})


main()
