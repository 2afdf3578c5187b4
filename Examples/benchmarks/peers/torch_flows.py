"""The flow of RLE in PyTorch, eager or compiled: a worker of `Examples/benchmarks --peers`.

Six couplings with networks D→64→64→D for scale and shift each and masks as published: every network sees all
columns, those that do not pass set to zero, and of what it gives those that pass are set to zero.
"""

import math

from worker import begin, serve


def main(options):
    import torch
    from torch import nn

    torch.set_num_threads(options.threads)

    def network(dimension, *last):
        return nn.Sequential(
            nn.Linear(dimension, 64), nn.LeakyReLU(), nn.Linear(64, 64), nn.LeakyReLU(),
            nn.Linear(64, dimension), *last)

    class RealNVP(nn.Module):
        def __init__(self, dimension):
            super().__init__()
            mask = [float(column % 2) for column in range(dimension)]
            self.register_buffer("mask", torch.tensor([mask, [1 - value for value in mask]] * 3))
            self.scale = nn.ModuleList(network(dimension, nn.Tanh()) for _ in range(6))
            self.shift = nn.ModuleList(network(dimension) for _ in range(6))

        def log_prob(self, x):
            log_det = x.new_zeros(x.shape[0])
            for i in reversed(range(6)):
                kept, changed = self.mask[i], 1 - self.mask[i]
                seen = kept * x
                s, t = self.scale[i](seen) * changed, self.shift[i](seen) * changed
                x = changed * (x - t) * torch.exp(-s) + seen
                log_det = log_det - s.sum(1)
            return log_det - 0.5 * (x * x).sum(1) - 0.5 * x.shape[1] * math.log(2 * math.pi)

        def sample(self, rows):
            x = torch.randn(rows, self.mask.shape[1])
            for i in range(6):
                kept, changed = self.mask[i], 1 - self.mask[i]
                seen = kept * x
                s, t = self.scale[i](seen) * changed, self.shift[i](seen) * changed
                x = changed * (x * torch.exp(s) + t) + seen
            return x

    def compiled(function):
        # Shapes are fixed, which is to the compiler's advantage.
        return torch.compile(function, dynamic=False) if options.compiled else function

    def make(workload, dimension, batch):
        torch.manual_seed(0)
        model = RealNVP(dimension)
        x = torch.randn(batch, dimension)
        if workload == "training step":
            optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
            loss = compiled(lambda rows: -model.log_prob(rows).mean())

            def step():
                optimizer.zero_grad(set_to_none=True)
                loss(x).backward()
                optimizer.step()
        else:
            evaluate = compiled(
                model.log_prob if workload == "log-density" else lambda rows: model.sample(batch))

            def step():
                with torch.inference_mode():
                    evaluate(x)

        def run(count):
            for _ in range(count):
                step()

        return run

    serve({"torch": torch.__version__}, make)


begin(main)
