"""Trains a spline flow of a Python library on a real table, for comparison with ours on the same rows.

    python peers_tabular.py --peer zuko --dataset power --seed 0 --data FOLDER --out FOLDER --minutes 10
    python peers_tabular.py --prepare --data FOLDER --out FOLDER

`--data` is the folder of the tables (power_subset, bsds_patches, miniboone_head, parkinsons: see its README.md),
`--out` gets

    data/bsds_{train,val,test}.npy    the 63 values of the papers, noise included: what all sides train on
    results/PEER-DATASET-seedN.npy    log-densities of the test rows, float64, in nats, in the table's own units
    results/results.jsonl             one line a run: mean, standard error, steps, seconds, settings

The budget is counted in CPU seconds of this process, `minutes` of each of `threads` threads, so a machine that is
busy with something else does not shorten it. It starts after the first steps, hence without compilation. What
counts is the best state by the mean log-density of the validation rows.

Peers: `zuko` (NSF, autoregressive), `flowjax` (masked autoregressive flow with rational-quadratic splines) and
`flowjax-coupling` (the same splines in couplings). Every field of `Settings` is an option too, such as `--width 256`.
The peers may see the rows standardised or whitened by a Cholesky factor (`preprocess`); what is reported has the
constant of that added back, hence is in the table's own units.
"""

import argparse
import dataclasses
import fcntl
import importlib.metadata
import json
import math
import pathlib
import time

import numpy as np

FOLDERS = {
    "power": "power_subset", "bsds": "bsds_patches", "miniboone": "miniboone_head",
    "parkinsons": "parkinsons",
}
NOISE_SEED = 300


@dataclasses.dataclass
class Settings:
    transforms: int = 5
    width: int = 128  # of each of the two hidden layers
    bins: int = 8
    bound: float = 5.0
    batch: int = 512
    rate: float = 1e-3
    decay: float = 1e-4  # AdamW's
    clip: float = 5.0
    schedule: str = "cosine"  # over the budget; "plateau" halves the rate where validation no longer gains
    patience: int = 1000  # evaluations without gain until the end
    minutes: float = 10.0
    evaluations: int = 40  # in a budget; for "plateau" there is one an epoch
    preprocess: str = "none"


SETTINGS = {
    "power": Settings(),
    "bsds": Settings(batch=256, preprocess="whiten"),
    "parkinsons": Settings(
        width=64, batch=256, decay=1e-3, schedule="plateau", patience=40, minutes=5),
    "miniboone": Settings(
        transforms=3, width=64, batch=256, decay=1e-2, schedule="plateau", patience=60, minutes=5),
}


def bsds(pixels, generator):
    """The papers' form of 8 x 8 patches: dequantised to [0, 1), the patch mean taken off, the last value dropped."""
    rows = pixels.reshape(len(pixels), 64).astype(np.float64)
    rows = (rows + generator.random(rows.shape)) / 256
    rows -= rows.mean(axis=1, keepdims=True)
    return np.ascontiguousarray(rows[:, :63]).astype(np.float32)


def prepare(data, out):
    """Writes the arrays of bsds unless they are there."""
    folder = out / "data"
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(NOISE_SEED)
    for split in ("train", "val", "test"):
        path = folder / f"bsds_{split}.npy"
        if not path.exists():
            for earlier in ("train", "val", "test"):  # always the same noise, whatever is missing
                rows = bsds(np.load(data / FOLDERS["bsds"] / f"{earlier}_u8.npy"), generator)
                np.save(folder / f"bsds_{earlier}.npy", rows)
            break


def load(dataset, data, out):
    if dataset == "bsds":
        prepare(data, out)
        return [np.load(out / "data" / f"bsds_{split}.npy") for split in ("train", "val", "test")]
    return [np.load(data / FOLDERS[dataset] / f"{split}.npy") for split in ("train", "val", "test")]


def gaussian(train, test):
    """Mean log-density of the test rows under one Gaussian, as a check of the preparation."""
    mean, covariance = train.mean(0, dtype=np.float64), np.cov(train.T.astype(np.float64))
    lower = np.linalg.cholesky(covariance)
    white = np.linalg.solve(lower, (test - mean).T)
    return float(-0.5 * (white**2).sum(0).mean() - np.log(np.diag(lower)).sum()
                 - 0.5 * train.shape[1] * math.log(2 * math.pi))


def transformed(kind, splits):
    """The splits as the peer sees them, and what to add to its log-density for that of the table."""
    if kind == "none":
        return splits, 0.0
    train = splits[0].astype(np.float64)
    mean = train.mean(0)
    if kind == "standardise":
        scale = train.std(0)
        return [((rows - mean) / scale).astype(np.float32) for rows in splits], -np.log(scale).sum()
    lower = np.linalg.cholesky(np.cov(train.T))
    white = [np.linalg.solve(lower, (rows - mean).T).T.astype(np.float32) for rows in splits]
    return [np.ascontiguousarray(rows) for rows in white], -np.log(np.diag(lower)).sum()


class Zuko:
    def __init__(self, columns, settings, seed, threads):
        import torch
        import zuko
        self.torch, self.settings = torch, settings
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        assert settings.bound == 5  # zuko's own
        self.flow = zuko.flows.NSF(
            columns, transforms=settings.transforms, bins=settings.bins,
            hidden_features=(settings.width, settings.width))
        self.optimizer = torch.optim.AdamW(
            self.flow.parameters(), lr=settings.rate, weight_decay=settings.decay, fused=True)
        self.versions = {"torch": torch.__version__, "zuko": importlib.metadata.version("zuko")}
        self.weights = sum(p.numel() for p in self.flow.parameters())

    def step(self, rows, rate):
        torch = self.torch
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss = -self.flow().log_prob(torch.from_numpy(rows)).mean()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.flow.parameters(), self.settings.clip)
        if not torch.isfinite(norm):
            return math.nan
        self.optimizer.step()
        return loss.detach()

    def log_density(self, rows):
        with self.torch.inference_mode():
            parts = [self.flow().log_prob(self.torch.from_numpy(rows[i:i + 2048])).double().numpy()
                     for i in range(0, len(rows), 2048)]
        return np.concatenate(parts)

    def keep(self):
        self.kept = {name: value.clone() for name, value in self.flow.state_dict().items()}

    def restore(self):
        self.flow.load_state_dict(self.kept)


class FlowJAX:
    def __init__(self, columns, settings, seed, threads, coupling=False):
        import equinox as eqx
        import jax
        import jax.numpy as jnp
        import optax
        import paramax
        from flowjax.bijections import RationalQuadraticSpline
        from flowjax.distributions import Normal
        from flowjax.flows import coupling_flow, masked_autoregressive_flow
        from flowjax.train.losses import MaximumLikelihoodLoss
        self.jax, self.jnp = jax, jnp
        flow = (coupling_flow if coupling else masked_autoregressive_flow)(
            jax.random.key(seed), base_dist=Normal(jnp.zeros(columns)),
            transformer=RationalQuadraticSpline(
                knots=settings.bins, interval=settings.bound),
            flow_layers=settings.transforms, nn_width=settings.width, nn_depth=2)
        self.parameters, static = eqx.partition(
            flow, eqx.is_inexact_array, is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable))
        self.weights = sum(leaf.size for leaf in jax.tree.leaves(self.parameters))
        optimizer = optax.apply_if_finite(
            optax.chain(
                optax.clip_by_global_norm(settings.clip),
                optax.scale_by_adam(),
                optax.add_decayed_weights(settings.decay)),
            max_consecutive_errors=1000)
        self.state = optimizer.init(self.parameters)
        loss = MaximumLikelihoodLoss()

        @jax.jit
        def step(parameters, state, rows, rate):
            value, gradients = jax.value_and_grad(lambda p: loss(p, static, rows))(parameters)
            updates, state = optimizer.update(gradients, state, parameters)
            updates = jax.tree.map(lambda u: -rate * u, updates)
            return eqx.apply_updates(parameters, updates), state, value

        self.jitted = step
        self.evaluate = jax.jit(
            lambda parameters, rows: paramax.unwrap(eqx.combine(parameters, static)).log_prob(rows))
        self.versions = {
            "jax": jax.__version__, "flowjax": importlib.metadata.version("flowjax"),
            "optax": optax.__version__}

    def step(self, rows, rate):
        self.parameters, self.state, value = self.jitted(self.parameters, self.state, rows, rate)
        return value.block_until_ready()  # else the clock of the budget runs behind

    def log_density(self, rows):
        size = 2048 if len(rows) >= 2048 else len(rows)
        parts = []
        for i in range(0, len(rows), size):  # one shape, hence one compilation
            part = rows[i:i + size]
            full = np.concatenate([part, np.repeat(part[:1], size - len(part), 0)])
            parts.append(np.asarray(self.evaluate(self.parameters, full), np.float64)[:len(part)])
        return np.concatenate(parts)

    def keep(self):
        self.kept = self.parameters

    def restore(self):
        self.parameters = self.kept


def make(peer, columns, settings, seed, threads):
    if peer == "zuko":
        return Zuko(columns, settings, seed, threads)
    return FlowJAX(columns, settings, seed, threads, coupling=peer == "flowjax-coupling")


def batches(rows, size, generator):
    """Whole batches without end; the remainder of an epoch is left out."""
    size = min(size, len(rows))
    while True:
        order = generator.permutation(len(rows))
        for start in range(0, len(rows) - size + 1, size):
            yield rows[order[start:start + size]]


def train(model, train_rows, val_rows, settings, seed, threads):
    stream = batches(train_rows, settings.batch, np.random.default_rng(1000 + seed))
    start = time.process_time()
    for _ in range(2):  # compiles; at no rate, so it trains nothing
        float(model.step(next(stream), 0.0))
    model.log_density(val_rows)
    compilation = time.process_time() - start

    budget = settings.minutes * 60 * threads
    epoch = max(1, len(train_rows) // min(settings.batch, len(train_rows)))
    wall, start = time.perf_counter(), time.process_time()
    best, best_step, fruitless, steps, rate, log, skipped = -math.inf, 0, 0, 0, settings.rate, [], 0
    next_evaluation, recent = budget / settings.evaluations, []
    while True:
        used = time.process_time() - start
        if settings.schedule == "cosine":
            rate = settings.rate * 0.5 * (1 + math.cos(math.pi * min(1.0, used / budget)))
        recent.append(model.step(next(stream), rate))
        steps += 1
        over = used >= budget
        if settings.schedule == "cosine":
            due = used >= next_evaluation
        else:
            due = steps % epoch == 0
        if not (due or over):
            continue
        next_evaluation = used + budget / settings.evaluations
        values = np.array([float(loss) for loss in recent])
        skipped += int((~np.isfinite(values)).sum())
        recent = []
        value = float(model.log_density(val_rows).mean())
        log.append((steps, used, -float(np.mean(values)), value))
        print(f"step {steps} cpu {used:.0f} s rate {rate:.2e} train {log[-1][2]:.4f} val {value:.4f}",
              flush=True)
        if value > best:
            best, best_step, fruitless = value, steps, 0
            model.keep()
        else:
            fruitless += 1
            if settings.schedule == "plateau" and fruitless % 10 == 0:
                rate /= 2
        if over or fruitless >= settings.patience:
            break
    model.restore()
    return {
        "steps": steps, "bestStep": best_step, "validation": best, "skippedSteps": skipped,
        "cpuSeconds": round(time.process_time() - start, 1),
        "wallSeconds": round(time.perf_counter() - wall, 1),
        "compilationCPUSeconds": round(compilation, 1),
        "endedBy": "budget" if over else "patience",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--peer", choices=["zuko", "flowjax", "flowjax-coupling"])
    parser.add_argument("--dataset", choices=list(FOLDERS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prepare", action="store_true", help="only write the arrays of bsds")
    for field in dataclasses.fields(Settings):
        parser.add_argument(f"--{field.name}", type=field.type, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        prepare(options.data, options.out)
        splits = load("bsds", options.data, options.out)
        print(f"bsds: a Gaussian has {gaussian(splits[0], splits[2]):.2f} nats")
        return

    given = {field.name: getattr(options, field.name) for field in dataclasses.fields(Settings)}
    settings = dataclasses.replace(
        SETTINGS[options.dataset], **{name: value for name, value in given.items() if value is not None})
    original = load(options.dataset, options.data, options.out)
    splits, shift = transformed(settings.preprocess, original)
    model = make(options.peer, splits[0].shape[1], settings, options.seed, options.threads)
    result = train(model, splits[0], splits[1], settings, options.seed, options.threads)
    result["validation"] += shift
    log_density = model.log_density(splits[2]) + shift

    folder = options.out / "results"
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{options.peer}-{options.dataset}-seed{options.seed}.npy", log_density)
    line = {
        "peer": options.peer, "dataset": options.dataset, "seed": options.seed,
        "mean": float(log_density.mean()),
        "standardError": float(log_density.std(ddof=1) / math.sqrt(len(log_density))),
        "median": float(np.median(log_density)), "least": float(log_density.min()),
        "gaussian": gaussian(original[0], original[2]), "weights": model.weights,
        **result, "threads": options.threads, "settings": dataclasses.asdict(settings),
        "versions": model.versions,
    }
    text = json.dumps(line)
    with open(folder / "results.jsonl", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
