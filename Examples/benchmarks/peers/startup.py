"""The first log-density in Python: what `Examples/benchmarks --startup --python PATH` times beside its own."""

import torch
import zuko

flow = zuko.flows.RealNVP(2, transforms=6, hidden_features=(64, 64))
with torch.no_grad():
    flow().log_prob(torch.randn(1000, 2))
