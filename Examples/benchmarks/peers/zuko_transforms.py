"""zuko's autoregressive flows, NSF and MAF: a worker of `Examples/benchmarks --peers`.

Five transforms, networks 64 x 64 with ReLU, splines of eight bins, orders up and down in turn: zuko's own
defaults but for the number of transforms. Workloads are `NSF` or `MAF` with what is done, such as
`MAF sampling`; sampling takes one pass of the network for each column, as zuko does it.
"""

from worker import begin, serve


def main(options):
    import importlib.metadata

    import torch
    import zuko

    torch.set_num_threads(options.threads)

    def make(workload, dimension, batch):
        torch.manual_seed(0)
        kind, work = workload.split(" ", 1)
        settings = {"transforms": 5, "hidden_features": (64, 64)}
        if kind == "NSF":
            flow = zuko.flows.NSF(dimension, bins=8, **settings)
        elif kind == "MAF":
            flow = zuko.flows.MAF(dimension, **settings)
        else:
            raise ValueError(f"no workload {workload}")
        x = torch.randn(batch, dimension)
        if work == "training step":
            optimizer = torch.optim.Adam(flow.parameters(), lr=1e-4, fused=True)

            def step():
                optimizer.zero_grad(set_to_none=True)
                (-flow().log_prob(x).mean()).backward()
                optimizer.step()
        elif work == "log-density":

            def step():
                with torch.inference_mode():
                    flow().log_prob(x)
        elif work == "sampling":

            def step():
                with torch.inference_mode():
                    flow().sample((batch,))
        else:
            raise ValueError(f"no workload {workload}")

        def run(count):
            for _ in range(count):
                step()

        return run

    serve({"torch": torch.__version__, "zuko": importlib.metadata.version("zuko")}, make)


begin(main)
