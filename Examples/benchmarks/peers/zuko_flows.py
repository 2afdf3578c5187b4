"""zuko's RealNVP of comparable size: a worker of `Examples/benchmarks --peers`.

Six couplings with one network for scale and shift together, 64 x 64: half the products of the flow of RLE.
"""

from worker import begin, serve


def main(options):
    import importlib.metadata

    import torch
    import zuko

    torch.set_num_threads(options.threads)

    def make(workload, dimension, batch):
        torch.manual_seed(0)
        flow = zuko.flows.RealNVP(
            dimension, transforms=6, hidden_features=(64, 64), activation=torch.nn.LeakyReLU)
        x = torch.randn(batch, dimension)
        if workload == "training step":
            optimizer = torch.optim.Adam(flow.parameters(), lr=1e-4, fused=True)

            def step():
                optimizer.zero_grad(set_to_none=True)
                (-flow().log_prob(x).mean()).backward()
                optimizer.step()
        elif workload == "log-density":

            def step():
                with torch.inference_mode():
                    flow().log_prob(x)
        else:

            def step():
                with torch.inference_mode():
                    flow().sample((batch,))

        def run(count):
            for _ in range(count):
                step()

        return run

    serve({"torch": torch.__version__, "zuko": importlib.metadata.version("zuko")}, make)


begin(main)
