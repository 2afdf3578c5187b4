"""Times the loss of RLE (mmpose's form, 32 images of 17 keypoints) in PyTorch and here, in turn.

    swift build -c release --product Examples/benchmarks
    python Examples/benchmarks/peers/keypoint_loss.py [--rounds 5] [--threads 2]

PyTorch runs forward and backward through likelihood and flow, with gradients by mean, raw scale and flow, eager
and compiled; ours runs the same as `Examples/benchmarks --filter "RLE loss"`. Both sides take turns, and the
medians over the rounds are compared.
"""

import argparse
import json
import math
import pathlib
import statistics
import subprocess
import time

import torch
from torch import nn


def network(last):
    layers = [nn.Linear(2, 64), nn.LeakyReLU(), nn.Linear(64, 64), nn.LeakyReLU(), nn.Linear(64, 2)]
    return nn.Sequential(*layers, *([nn.Tanh()] if last else []))


class RLELoss(nn.Module):
    """Six masked couplings and the loss, as published with mmpose 1.x."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.tensor([[0.0, 1.0], [1.0, 0.0]] * 3))
        self.s = nn.ModuleList(network(True) for _ in range(6))
        self.t = nn.ModuleList(network(False) for _ in range(6))

    def log_prob(self, x):
        z, log_det = x, x.new_zeros(x.shape[0])
        for i in reversed(range(6)):
            m = self.mask[i]
            a = m * z
            s, t = self.s[i](a) * (1 - m), self.t[i](a) * (1 - m)
            z = (1 - m) * (z - t) * torch.exp(-s) + a
            log_det = log_det - s.sum(dim=1)
        return -0.5 * (z * z).sum(1) - math.log(2 * math.pi) + log_det

    def forward(self, mean, logit, target, weight):
        sigma = logit.sigmoid()
        error = (mean - target) / (sigma + 1e-9)
        log_phi = self.log_prob(error.reshape(-1, 2)).reshape(target.shape[0], target.shape[1], 1)
        loss = torch.log(sigma) - log_phi + torch.log(sigma * 2) + torch.abs(error)
        return (loss * weight / len(loss)).sum()


def timed(step, seconds=1.0):
    for _ in range(5):
        step()
    samples, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        step()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples)


def make_step(compiled):
    torch.manual_seed(0)
    module = RLELoss()
    loss = torch.compile(module) if compiled else module
    mean = (torch.randn(32, 17, 2) * 0.2).requires_grad_()
    logit = (torch.randn(32, 17, 2) - 2).requires_grad_()
    target = mean.detach() + 0.1 * torch.randn(32, 17, 2)
    weight = torch.ones(32, 17, 1)

    def step():
        module.zero_grad(set_to_none=True)
        mean.grad = logit.grad = None
        loss(mean, logit, target, weight).backward()

    return step


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    root = pathlib.Path(__file__).resolve().parents[3]
    binary = root / ".build/release/Examples/benchmarks"
    sides = {"PyTorch eager": make_step(False)}
    try:
        step = make_step(True)
        step()
        sides["PyTorch compiled"] = step
    except Exception as error:
        print(f"torch.compile: not available here ({type(error).__name__})")
    found = {name: [] for name in [*sides, "ours"]}
    for _ in range(arguments.rounds):
        for name, step in sides.items():
            found[name].append(timed(step))
        output = subprocess.run(
            [binary, "--filter", "RLE loss", "--threads", str(arguments.threads), "--json"],
            capture_output=True, text=True, check=True).stdout
        found["ours"].append(json.loads(output)[0]["secondsPerStep"])
    print(f"torch {torch.__version__}, {arguments.threads} threads, {arguments.rounds} rounds")
    ours = statistics.median(found["ours"])
    for name, samples in found.items():
        middle = statistics.median(samples)
        print(
            f"{name:18} {middle * 1e6:8.0f} us [{min(samples) * 1e6:.0f}, {max(samples) * 1e6:.0f}]"
            f"  {middle / ours:6.2f} x ours")


main()
