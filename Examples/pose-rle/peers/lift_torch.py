"""2-D to 3-D lifting in PyTorch: the network, steps and losses of `Examples/pose-rle --lift`.

    python lift_torch.py DIR [--loss l1|residualMMPose] [--steps N] [--batch N] [--width N]
                             [--rate X] [--seed N] [--threads N]
    python lift_torch.py DIR --beside BINARY [--rounds N] [--loss ...] [--steps N] [--width N]
                             [--seed N] [--threads N]

The first form prints one line of JSON: the time of a step in milliseconds, and on val MPJPE and PA-MPJPE
in mm. Written from the formulas.

The second form runs BINARY, a built `Examples/pose-rle` (`swift build -c release`), and this script in
turn, each in a process of its own, --rounds times each: round r has the seed --seed + r. It prints for
each side the medians over rounds of the time of a step and of both errors, and the ratio of the times.

What differs between the two:

* Random numbers: start weights, the order of poses, which of them are mirrored.
* The law of the flow's start weights: fan-in and fan-out of the first and last layer of a coupling's
  networks are there the columns that the mask passes and those it does not, here three each, of which
  the mask then sets some to zero. The lifter itself starts by one law.
* What is timed: there all steps from the first on, with the drawing of poses and the progress line; here
  all but the first 20, which warm up the allocator, with the drawing of poses. Neither reads data,
  computes features or evaluates in that time.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import time

import numpy
import torch
from torch import nn

WARM_UP = 200
CLIPPING = 35.0
WEIGHT_DECAY = 0.01
SCALE_LOGIT = -3.0


class Data:
    """Inputs in pixels [n, joints, 2], targets in metres relative to the root [n, joints, 3]."""

    def __init__(self, folder, split, meta):
        self.keypoints = torch.from_numpy(numpy.load(f"{folder}/{split}_kp2d.npy")).float()
        space = torch.from_numpy(numpy.load(f"{folder}/{split}_cam3d.npy")).double()
        root = meta["parents"].index(-1)
        self.positions = ((space - space[:, root : root + 1]) / 1000).float()


def held_out_motions(motions, share=0.12):
    """Of each action of three motions or more the last, and others while no more than a share."""
    held = set()
    actions = {}
    for motion in motions:
        actions.setdefault(motion["action"], []).append(motion)
    for group in actions.values():
        if len(group) < 3:
            continue
        total, poses = sum(motion["frames"] for motion in group), 0
        for index, motion in enumerate(reversed(group)):
            poses += motion["frames"]
            if index > 0 and poses > share * total:
                break
            held.add(motion["id"])
    return held


def features(keypoints, meta):
    width, height = meta["camera"]["width"], meta["camera"]["height"]
    root = meta["parents"].index(-1)
    joints = keypoints.shape[1]
    others = torch.ones(joints, 1)
    others[root] = 0
    centered = (keypoints - torch.tensor([width / 2, height / 2])) / (width / 2)
    at_root = centered[:, root : root + 1]
    relative = (centered - at_root) * others
    squares = relative.square().sum((1, 2)) / (joints - 1)
    size = (squares + (0.2 / width) ** 2).sqrt()[:, None, None]
    flat = (relative / size + at_root * (1 - others)).flatten(1)
    return torch.cat([flat, size.log().flatten(1)], 1)


class Lifter(nn.Module):
    def __init__(self, inputs, joints, width, blocks):
        super().__init__()
        self.joints = joints
        self.input = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(
            nn.ModuleList([nn.Linear(width, width), nn.Linear(width, width)]) for _ in range(blocks)
        )
        self.mean = nn.Linear(width, 3 * joints)
        self.scale = nn.Linear(width, 3 * joints)
        nn.init.zeros_(self.scale.weight)
        nn.init.constant_(self.scale.bias, SCALE_LOGIT)
        self.register_buffer("center", torch.zeros(inputs))
        self.register_buffer("deviation", torch.ones(inputs))

    def forward(self, x):
        act = nn.functional.leaky_relu
        hidden = act(self.input((x - self.center) / self.deviation))
        for first, second in self.blocks:
            hidden = hidden + act(second(act(first(hidden))))
        shape = (-1, self.joints, 3)
        return self.mean(hidden).view(shape), self.scale(hidden).view(shape)


class Flow(nn.Module):
    """Six affine couplings of three columns, masks [0,0,1] and [1,1,0] in turn (1 passes a column)."""

    def __init__(self, layers=6, hidden=64):
        super().__init__()

        def network(*last):
            net = nn.Sequential(
                nn.Linear(3, hidden), nn.LeakyReLU(), nn.Linear(hidden, hidden), nn.LeakyReLU(),
                nn.Linear(hidden, 3), *last,
            )
            for part in net:
                if isinstance(part, nn.Linear):
                    nn.init.xavier_uniform_(part.weight, gain=0.01)
            return net

        masks = [[0.0, 0.0, 1.0], [1.0, 1.0, 0.0]] * (layers // 2)
        self.register_buffer("masks", torch.tensor(masks))
        self.scales = nn.ModuleList(network(nn.Tanh()) for _ in range(layers))
        self.shifts = nn.ModuleList(network() for _ in range(layers))

    def log_density(self, x):
        log_det = torch.zeros(x.shape[0])
        for index in reversed(range(len(self.scales))):
            mask = self.masks[index]
            kept = x * mask
            scale = self.scales[index](kept) * (1 - mask)
            shift = self.shifts[index](kept) * (1 - mask)
            x = kept + (1 - mask) * (x - shift) * torch.exp(-scale)
            log_det = log_det - scale.sum(1)
        return log_det - 0.5 * x.square().sum(1) - 1.5 * math.log(2 * math.pi)


def l1(mean, logit, target, flow):
    """The mean over joints of the sum over axes."""
    return ((target - mean).abs() + math.log(2)).sum(2).mean()


def residual_mmpose(mean, logit, target, flow):
    """The mean over images of the sum over joints: 2 log s + log 2 + |e| - D log G(e)."""
    log_scale = nn.functional.logsigmoid(logit)
    error = (target - mean) * torch.exp(-log_scale)
    log_flow = flow.log_density(error.reshape(-1, 3)).view(error.shape[:2])
    base = (2 * log_scale + math.log(2) + error.abs()).sum(2)
    return (base - 3 * log_flow).sum(1).mean()


def aligned_distances(predicted, truth):
    """Distances of joints [n, joints] after the best similarity of each pose upon the true one."""
    center, true_center = predicted.mean(1, keepdim=True), truth.mean(1, keepdim=True)
    source, target = (predicted - center).double(), (truth - true_center).double()
    u, values, vt = torch.linalg.svd(source.transpose(1, 2) @ target)
    signs = torch.ones_like(values)
    signs[:, -1] = torch.sign(torch.linalg.det(u @ vt))
    rotation = (u * signs[:, None]) @ vt
    scale = (values * signs).sum(1) / source.square().sum((1, 2)).clamp_min(1e-30)
    return (scale[:, None, None] * source @ rotation - target).norm(dim=2)


def output_of(command):
    """What a command prints; the end of the program, with its errors, where it fails."""
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"{command[0]}: status {run.returncode}\n{run.stderr[-2000:]}")
    return run.stdout


def run_beside(options):
    common = ["--steps", options.steps, "--width", options.width, "--threads", options.threads]
    sides = {"pose-rle": [], "PyTorch": []}
    for round_number in range(options.rounds):
        own = [str(word) for word in [*common, "--seed", options.seed + round_number]]
        swift = json.loads(
            output_of(
                [options.beside, "--lift", options.folder, "--likelihood", options.loss, "--json", *own]
            )
        )[0]
        sides["pose-rle"].append((swift["millisecondsPerStep"], swift["mpjpe"], swift["paMPJPE"]))
        script = [sys.executable, __file__, options.folder, "--loss", options.loss, *own]
        torch_side = json.loads(output_of(script))
        sides["PyTorch"].append(
            (torch_side["millisecondsPerStep"], torch_side["mpjpe"], torch_side["paMPJPE"])
        )
    print(
        f"{options.loss}, {options.steps} steps, width {options.width}, {options.threads} threads; "
        f"medians of {options.rounds} rounds in turn"
    )
    print(f"{'':10}{'ms/step':>10}{'MPJPE':>10}{'PA-MPJPE':>10}")
    medians = {}
    for side, runs in sides.items():
        medians[side] = [statistics.median(column) for column in zip(*runs)]
        time_of_step, mpjpe, aligned = medians[side]
        print(f"{side:10}{time_of_step:10.3f}{mpjpe:10.2f}{aligned:10.2f}")
    ratio = medians["PyTorch"][0] / medians["pose-rle"][0]
    print(f"A step of PyTorch takes {ratio:.2f} times as long as one of pose-rle.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--loss", choices=["l1", "residualMMPose"], default="l1")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--beside", metavar="BINARY", help="a built Examples/pose-rle, run in turn")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side for --beside")
    options = parser.parse_args()
    if options.beside:
        for name in ["batch", "blocks", "rate"]:
            if getattr(options, name) != parser.get_default(name):
                parser.error(f"--{name} does not go with --beside: pose-rle has no such option")
        if options.rounds < 1 or options.steps < 1:
            parser.error("--rounds and --steps are positive")
        run_beside(options)
        return
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    with open(f"{options.folder}/meta.json") as file:
        meta = json.load(file)
    with open(f"{options.folder}/train_sequences.json") as file:
        held = held_out_motions(json.load(file))
    training, test = (Data(options.folder, split, meta) for split in ("train", "val"))
    motions = numpy.load(f"{options.folder}/train_sequence.npy")
    rows = torch.from_numpy(numpy.flatnonzero(~numpy.isin(motions, list(held))))
    joints = len(meta["keypoints"])
    root = meta["parents"].index(-1)
    others = [joint for joint in range(joints) if joint != root]
    order = list(range(joints))
    for left, right in meta["flip_pairs"]:
        order[left], order[right] = right, left

    keypoints, positions = training.keypoints[rows], training.positions[rows]
    flipped = keypoints * torch.tensor([-1.0, 1.0])
    flipped = (flipped + torch.tensor([float(meta["camera"]["width"]), 0.0]))[:, order]
    inputs = torch.cat([features(keypoints, meta), features(flipped, meta)])
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    targets = torch.cat([positions, (positions * mirror)[:, order]])[:, others]

    model = Lifter(inputs.shape[1], joints, options.width, options.blocks)
    model.center.copy_(inputs.mean(0))
    model.deviation.copy_(inputs.std(0, correction=0))
    flow = Flow() if options.loss == "residualMMPose" else None
    loss_function = l1 if flow is None else residual_mmpose
    parameters = list(model.parameters()) + ([] if flow is None else list(flow.parameters()))
    optimizer = torch.optim.AdamW(parameters, lr=options.rate, weight_decay=WEIGHT_DECAY)

    count = len(rows)
    generator = torch.Generator().manual_seed(options.seed)
    batches = count // options.batch
    start = None
    for step in range(options.steps):
        if step == min(20, options.steps - 1):
            start, first = time.perf_counter(), step
        if step % batches == 0:
            shuffled = torch.randperm(count, generator=generator)
        place = step % batches * options.batch
        poses = shuffled[place : place + options.batch]
        poses = poses + count * (torch.rand(options.batch, generator=generator) < 0.5)
        if step < WARM_UP:
            rate = options.rate * (step + 1) / (WARM_UP + 1)
        else:
            progress = (step - WARM_UP) / max(1, options.steps - WARM_UP - 1)
            rate = options.rate * (1 + math.cos(math.pi * progress)) / 2
        for group in optimizer.param_groups:
            group["lr"] = rate
        mean, logit = model(inputs[poses])
        loss = loss_function(mean[:, others], logit[:, others], targets[poses], flow)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, CLIPPING)
        optimizer.step()
    seconds = (time.perf_counter() - start) / (options.steps - first)

    with torch.no_grad():
        predicted, _ = model(features(test.keypoints, meta))
        predicted[:, root] = 0
        mpjpe = 1000 * (predicted - test.positions).norm(dim=2).mean().item()
        aligned = 1000 * aligned_distances(predicted, test.positions).mean().item()
    print(
        json.dumps(
            {
                "loss": options.loss,
                "seed": options.seed,
                "steps": options.steps,
                "millisecondsPerStep": round(1000 * seconds, 3),
                "mpjpe": round(mpjpe, 2),
                "paMPJPE": round(aligned, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
