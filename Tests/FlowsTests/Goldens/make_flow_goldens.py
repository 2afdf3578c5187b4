"""Writes Fixtures/Peers/*.safetensors: flows of zuko, nflows and normflows with what they compute.

Run by hand, with torch, numpy, safetensors, zuko, nflows and normflows installed:

    python make_flow_goldens.py

Weights are moved away from where the libraries start them, rounded to float32 and stored so, hence they are
exact in Float and in Double; so are inputs, contexts and latent rows. Everything is computed and stored in
float64. `Docs/ConvertingFromPyTorch.md` says how the flow of each file is put together.
"""

import copy
import functools
import importlib.metadata
import math
import pathlib
import platform

import nflows.distributions
import nflows.flows
import nflows.transforms
import normflows
import safetensors
import safetensors.torch
import torch
import zuko
from torch import nn

FOLDER = pathlib.Path(__file__).parent / "Fixtures" / "Peers"
ROWS = 64
SAMPLES = 32
KINK_STEP = 1e-5
BINS = 8
SPLINE = [(BINS,), (BINS,), (BINS - 1,)]


def perturb(model, amount, keep=()):
    """Moves all parameters; as in float32."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name not in keep:
                p.add_(amount * torch.randn_like(p))
            p.copy_(p.float().double())


def candidates(count, columns):
    """Rows of all spreads: mostly near, then beyond the interval of the splines, then far out."""
    near = 1.5 * torch.randn(3 * count // 4, columns)
    wide = 16 * torch.rand(count // 8, columns) - 8
    far = 40 * torch.rand(count - len(near) - len(wide), columns) - 20
    return [rows.float().double() for rows in (near, wide, far)]


def away_from_kinks(gradient, rows, context):
    """Which rows have no kink of an activation and no knot of a spline beside them, where gradients jump."""
    here = gradient(rows, context)
    clear = torch.ones(len(rows), dtype=torch.bool)
    for step in (KINK_STEP, -KINK_STEP):
        for column in range(rows.shape[1]):
            moved = rows.clone()
            moved[:, column] += step
            change = (gradient(moved, context) - here).abs().amax(1)
            clear &= change < 0.01 * (1 + here.abs().amax(1))
    return clear


class Zuko:
    def __init__(self, flow):
        self.flow, self.model = flow, flow

    def transform(self, context):
        return self.flow(context).transform

    def log_prob(self, x, context):
        return self.flow(context).log_prob(x)

    def latent(self, x, context):
        return self.transform(context)(x)

    def data(self, z, context):
        return self.transform(context).inv(z)

    def trace(self, x, context):
        values, log_dets = [], []
        for lazy in self.flow.transform.transforms:
            x, log_det = lazy(context).call_and_ladj(x)
            values.append(x)
            log_dets.append(log_det)
        return torch.stack(values), torch.stack(log_dets)


class NFlows:
    def __init__(self, columns, transforms):
        self.model = nflows.flows.Flow(
            nflows.transforms.CompositeTransform(transforms),
            nflows.distributions.StandardNormal([columns])).eval()

    def log_prob(self, x, context):
        return self.model.log_prob(x, context)

    def latent(self, x, context):
        return self.model._transform(x, context)[0]

    def data(self, z, context):
        return self.model._transform.inverse(z, context)[0]

    def trace(self, x, context):
        values, log_dets = [], []
        for transform in self.model._transform._transforms:
            x, log_det = transform(x, context)
            values.append(x)
            log_dets.append(log_det)
        return torch.stack(values), torch.stack(log_dets)


def tensors(model):
    """The state dictionary: parameters in float32, buffers in their own types."""
    return {
        name: (value.detach().float() if value.is_floating_point() else value).contiguous().clone()
        for name, value in model.state_dict().items()
    }


def save(name, arrays):
    # One entry, since the order of several is not the same in every run.
    metadata = {
        "made_with": f"torch {torch.__version__.split('+')[0]}, "
        + "".join(f"{p} {importlib.metadata.version(p)}, " for p in ("zuko", "nflows", "normflows"))
        + f"safetensors {safetensors.__version__}, python {platform.python_version()}"
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.safetensors"
    safetensors.torch.save_file(
        {key: value.detach().contiguous().clone() for key, value in arrays.items()}, path, metadata)
    path.chmod(0o644)
    return path.stat().st_size


def relative(a, b):
    return ((a - b).abs() / (1 + b.abs())).max().item()


def write(name, peer, columns, context_columns=0, amount=0.15, keep=()):
    """Writes a flow of a library that takes data to latent."""
    perturb(peer.model, amount, keep)

    def gradient(rows, context):
        rows = rows.clone().requires_grad_()
        return torch.autograd.grad(peer.log_prob(rows, context).sum(), rows)[0]

    picked, contexts = [], []
    for rows, wanted in zip(candidates(10 * ROWS, columns), (3 * ROWS // 4, ROWS // 8, ROWS // 8)):
        context = torch.randn(len(rows), context_columns).float().double() if context_columns else None
        clear = away_from_kinks(gradient, rows, context)
        assert clear.sum() >= wanted, (name, clear.sum(), wanted)
        picked.append(rows[clear][:wanted])
        if context is not None:
            contexts.append(context[clear][:wanted])
    x = torch.cat(picked)
    context = torch.cat(contexts) if contexts else None
    with torch.no_grad():
        log_density, z = peer.log_prob(x, context), peer.latent(x, context)
        values, log_dets = peer.trace(x, context)
        base = (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(1)
        round_trip = relative(peer.data(z, context), x)
        sample_latent = torch.cat(candidates(SAMPLES, columns)[:2])
        sample_latent = torch.cat(
            [sample_latent, 2 * torch.randn(SAMPLES - len(sample_latent), columns)]).float().double()
        sample_context = (
            torch.randn(SAMPLES, context_columns).float().double() if context_columns else None)
        sample = peer.data(sample_latent, sample_context)
        sample_density = peer.log_prob(sample, sample_context)
        back = relative(peer.latent(sample, sample_context), sample_latent)
    assert relative(values[-1], z) < 1e-13 and relative(base + log_dets.sum(0), log_density) < 1e-12
    assert round_trip < 1e-8 and back < 1e-8, (round_trip, back)

    arrays = tensors(peer.model) | {
        "input": x, "log_density": log_density, "latent": z, "gradient": gradient(x, context),
        "trace": values, "trace_log_det": log_dets,
        "sample_latent": sample_latent, "sample": sample, "sample_log_density": sample_density,
    }
    if context is not None:
        arrays |= {"context": context, "sample_context": sample_context}
    size = save(name, arrays)

    single = copy.copy(peer)
    single.model = copy.deepcopy(peer.model).float()
    single.flow = single.model
    with torch.no_grad():
        in_float = single.log_prob(x.float(), None if context is None else context.float()).double()
    beyond = (x.abs() > 5).any(1).sum().item()
    print(
        f"{name}: {size} bytes, log p in [{log_density.min():.4g}, {log_density.max():.4g}], "
        f"|log_det| of a step up to {log_dets.abs().max():.3g}, rows beyond 5: {beyond}, "
        f"round trip {round_trip:.0e} {back:.0e}, the peer in float32 {relative(in_float, log_density):.0e}")


class Conditioner(nn.Module):
    """A perceptron with ReLU; nflows divides what is for widths and heights by the square root of
    `hidden_features` where a conditioner has such an attribute."""

    def __init__(self, hidden, inputs, outputs):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
            nn.Linear(hidden, outputs))

    def forward(self, x, context=None):
        return self.layers(x)


class ScaledConditioner(Conditioner):
    def __init__(self, hidden, inputs, outputs):
        super().__init__(hidden, inputs, outputs)
        self.hidden_features = hidden


def write_zuko():
    hidden = {"hidden_features": (16, 16)}
    flows, knots = zuko.flows, zuko.transforms.MonotonicRQSTransform
    write("zuko_maf", Zuko(flows.MAF(4, transforms=3, **hidden)), 4, amount=0.1)
    write("zuko_maf_context", Zuko(flows.MAF(3, 2, transforms=3, **hidden)), 3, 2, amount=0.1)
    write("zuko_maf_randperm", Zuko(flows.MAF(5, transforms=2, randperm=True, **hidden)), 5, amount=0.1)
    write("zuko_nsf", Zuko(flows.NSF(4, transforms=2, bins=BINS, **hidden)), 4)
    write("zuko_nsf_context", Zuko(flows.NSF(4, 2, transforms=2, bins=BINS, **hidden)), 4, 2)
    write("zuko_nsf_passes2", Zuko(flows.NSF(4, transforms=3, bins=BINS, passes=2, **hidden)), 4)
    write(
        "zuko_nice_rqs",
        Zuko(flows.NICE(4, transforms=3, univariate=knots, shapes=SPLINE, **hidden)), 4)
    write(
        "zuko_nice_rqs_context",
        Zuko(flows.NICE(5, 2, transforms=2, univariate=knots, shapes=SPLINE, **hidden)), 5, 2)


def write_nflows():
    t = nflows.transforms
    plain = {"hidden_features": 16, "num_blocks": 1, "use_residual_blocks": False}
    write(
        "nflows_maf",
        NFlows(4, [
            t.ReversePermutation(4), t.MaskedAffineAutoregressiveTransform(4, **plain),
            t.RandomPermutation(4), t.MaskedAffineAutoregressiveTransform(4, **plain)]), 4)
    write(
        "nflows_maf_context",
        NFlows(3, [
            t.MaskedAffineAutoregressiveTransform(3, context_features=2, **plain),
            t.ReversePermutation(3),
            t.MaskedAffineAutoregressiveTransform(3, context_features=2, **plain)]), 3, 2)
    splines = {"num_bins": BINS, "tails": "linear", "tail_bound": 3.0}
    write(
        "nflows_rqs_autoregressive",
        NFlows(4, [
            t.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(4, **plain, **splines),
            t.ReversePermutation(4),
            t.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(4, **plain, **splines)]), 4)
    for name, kind in (("", Conditioner), ("_scaled", ScaledConditioner)):
        write(
            f"nflows_rqs_coupling{name}",
            NFlows(4, [
                t.PiecewiseRationalQuadraticCouplingTransform(
                    mask, functools.partial(kind, 16), **splines)
                for mask in ([1, -1, 1, -1], [-1, 1, -1, 1], [1, 1, -1, -1])]), 4, amount=0.25)
    write(
        "nflows_lu",
        NFlows(5, [t.LULinear(5), t.RandomPermutation(5), t.LULinear(5, eps=1e-2)]), 5, amount=0.4)
    for count in (3, 4):
        write(
            f"nflows_householder{count}", NFlows(5, [t.HouseholderSequence(5, count)]), 5, amount=0.7)


def write_planar():
    """normflows' planar flows, checked against the formulas of Rezende and Mohamed 2015."""
    columns, count = 3, 4
    flows = [normflows.flows.Planar((columns,)) for _ in range(count)]
    model = nn.ModuleDict({"flows": nn.ModuleList(flows)})
    perturb(model, 0.8)
    # The constraint acts on all whose w·u is below -1, little on the others.
    with torch.no_grad():
        for flow, product in ((flows[0], 2.5), (flows[1], -3), (flows[2], -0.5)):
            excess = product - (flow.w * flow.u).sum()
            flow.u.add_(excess * flow.w / (flow.w**2).sum())
            flow.u.copy_(flow.u.float().double())

    z = torch.cat(candidates(ROWS, columns))
    with torch.no_grad():
        x, values, log_dets = z, [], []
        for flow in flows:
            before = x
            x, log_det = flow(x)
            values.append(x)
            log_dets.append(log_det)
            # f(z) = z + û tanh(w·z + b), û = u + (log(1 + exp(w·u)) - 1 - w·u) w / |w|²
            w, u = flow.w[0], flow.u[0]
            product = w @ u
            held = u + (nn.functional.softplus(product) - 1 - product) * w / (w @ w)
            inner = before @ w + flow.b
            literal = before + held * torch.tanh(inner)[:, None]
            literal_log_det = torch.log(1 + (1 - torch.tanh(inner)**2) * (held @ w))
            assert relative(literal, x) < 1e-13 and relative(literal_log_det, log_det) < 1e-10
            print(f"  planar w.u {product:.3f}, w.held {held @ w:.3f}")
        base = (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(1)
        total = torch.stack(log_dets).sum(0)
    # The same maps read as data -> latent.
    rows = z.clone().requires_grad_()
    y, reversed_density = rows, 0
    for flow in flows:
        y, log_det = flow(y)
        reversed_density = reversed_density + log_det
    reversed_density = reversed_density + (-0.5 * y**2 - 0.5 * math.log(2 * math.pi)).sum(1)
    (gradient,) = torch.autograd.grad(reversed_density.sum(), rows)
    size = save("normflows_planar", tensors(model) | {
        "latent": z, "sample": x, "sample_log_density": base - total,
        "trace": torch.stack(values), "trace_log_det": torch.stack(log_dets),
        "reversed_log_density": reversed_density, "reversed_gradient": gradient,
    })
    print(f"normflows_planar: {size} bytes, log_det in [{total.min():.3g}, {total.max():.3g}]")


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    torch.manual_seed(20150521)
    write_zuko()
    write_nflows()
    write_planar()


if __name__ == "__main__":
    main()
