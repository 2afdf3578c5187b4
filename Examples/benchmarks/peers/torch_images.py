"""Residual networks on images in PyTorch, eager: a worker of `Examples/benchmarks --peers`.

The networks of `ResNet` with one linear layer behind: training steps (forward, backward, fused Adam) and forward passes
in eval mode with normalisations folded into convolutions. `--channels-last` says how images lie in memory.
"""

import math

from worker import begin, serve

# Channels of the images, of the first stage, blocks of each stage, bottleneck, compact stem.
NETWORKS = {
    "ResNet-18": (3, 64, (2, 2, 2, 2), False, False),
    "ResNet-50": (3, 64, (3, 4, 6, 3), True, False),
    "compact": (1, 32, (2, 2, 2, 2), False, True),
}


def main(options):
    import torch
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    torch.set_num_threads(options.threads)
    layout = torch.channels_last if options.channels_last else torch.contiguous_format

    class Unit(nn.Module):
        def __init__(self, inputs, outputs, kernel, stride=1):
            super().__init__()
            self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
            self.norm = nn.BatchNorm2d(outputs)

        def fold(self):
            self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()

        def forward(self, x):
            return self.norm(self.conv(x))

    class Block(nn.Module):
        def __init__(self, inputs, width, stride, bottleneck):
            super().__init__()
            if bottleneck:
                outputs = 4 * width
                units = [Unit(inputs, width, 1), Unit(width, width, 3, stride), Unit(width, outputs, 1)]
            else:
                outputs = width
                units = [Unit(inputs, width, 3, stride), Unit(width, width, 3)]
            self.units = nn.ModuleList(units)
            changes = stride != 1 or inputs != outputs
            self.projection = Unit(inputs, outputs, 1, stride) if changes else nn.Identity()

        def forward(self, x):
            y = x
            for unit in self.units[:-1]:
                y = torch.relu_(unit(y))
            return torch.relu_(self.units[-1](y) + self.projection(x))

    class Network(nn.Module):
        def __init__(self, name, outputs):
            super().__init__()
            channels, width, stages, bottleneck, compact = NETWORKS[name]
            layers = [Unit(channels, width, 3 if compact else 7, 2), nn.ReLU(inplace=True)]
            if not compact:
                layers.append(nn.MaxPool2d(3, 2, 1))
            inputs = width
            for stage, blocks in enumerate(stages):
                for place in range(blocks):
                    stride = 2 if place == 0 and (stage > 0 or compact) else 1
                    layers.append(Block(inputs, width << stage, stride, bottleneck))
                    inputs = (width << stage) * (4 if bottleneck else 1)
            self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
            self.head = nn.Linear(inputs, outputs)

        def folded(self):
            self.eval()
            for module in list(self.modules()):
                if isinstance(module, Unit):
                    module.fold()
            return self

        def forward(self, x):
            return self.head(self.features(x))

    def perceptron(*last):
        return nn.Sequential(
            nn.Linear(2, 64), nn.LeakyReLU(), nn.Linear(64, 64), nn.LeakyReLU(), nn.Linear(64, 2), *last)

    class Likelihood(nn.Module):
        """RLE as mmpose has it, with six masked couplings."""

        def __init__(self):
            super().__init__()
            self.register_buffer("mask", torch.tensor([[0.0, 1.0], [1.0, 0.0]] * 3))
            self.scale = nn.ModuleList(perceptron(nn.Tanh()) for _ in range(6))
            self.shift = nn.ModuleList(perceptron() for _ in range(6))

        def log_prob(self, x):
            log_det = x.new_zeros(x.shape[0])
            for i in reversed(range(6)):
                kept, changed = self.mask[i], 1 - self.mask[i]
                seen = kept * x
                s, t = self.scale[i](seen) * changed, self.shift[i](seen) * changed
                x = changed * (x - t) * torch.exp(-s) + seen
                log_det = log_det - s.sum(1)
            return log_det - 0.5 * (x * x).sum(1) - math.log(2 * math.pi)

        def forward(self, outputs, target):
            outputs = outputs.view(target.shape[0], -1, 4)
            sigma = outputs[..., 2:].sigmoid()
            error = (outputs[..., :2] - target) / (sigma + 1e-9)
            log_phi = self.log_prob(error.reshape(-1, 2)).reshape(*target.shape[:2], 1)
            loss = torch.log(sigma) - log_phi + torch.log(sigma * 2) + torch.abs(error)
            return loss.sum() / len(target)

    def make(workload, outputs, batch):
        name, size, work = workload.split(" ", 2)
        height, width = map(int, size.split("x"))
        torch.manual_seed(0)
        network = Network(name, outputs)
        images = torch.randn(batch, NETWORKS[name][0], height, width).contiguous(memory_format=layout)
        if work == "forward":
            network = network.folded().to(memory_format=layout)

            def step():
                with torch.inference_mode():
                    network(images)
        else:
            network = network.to(memory_format=layout)
            parts = nn.ModuleList([network])
            if work == "RLE training step":
                likelihood = Likelihood()
                parts.append(likelihood)
                target = torch.rand(batch, outputs // 4, 2) - 0.5
            parameters = list(parts.parameters())
            optimizer = torch.optim.Adam(parameters, lr=1e-4, fused=True)

            def step():
                optimizer.zero_grad(set_to_none=True)
                if work == "RLE training step":
                    likelihood(network(images), target).backward()
                    nn.utils.clip_grad_norm_(parameters, 35.0)
                else:
                    network(images).abs().mean().backward()
                optimizer.step()

        def run(count):
            for _ in range(count):
                step()

        return run

    serve({"torch": torch.__version__}, make)


begin(main)
