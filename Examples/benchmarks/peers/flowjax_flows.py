"""flowjax's coupling flow of comparable size: a worker of `Examples/benchmarks --peers`.

Six affine couplings with one network for scale and shift together, 64 x 64: half the products of the flow of
RLE. A training step is flowjax's own. Threads as in jax_flows.py.
"""

from worker import begin, hold_to_cores, serve


def main(options):
    hold_to_cores(options.threads)
    import importlib.metadata

    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import optax
    import paramax
    from flowjax.distributions import Normal
    from flowjax.flows import coupling_flow
    from flowjax.train.losses import MaximumLikelihoodLoss
    from flowjax.train.train_utils import step as training_step

    def make(workload, dimension, batch):
        key, other = jax.random.split(jax.random.key(0))
        flow = coupling_flow(
            key, base_dist=Normal(jnp.zeros(dimension)), flow_layers=6, nn_width=64, nn_depth=2,
            nn_activation=jax.nn.leaky_relu)
        x = jax.random.normal(other, (batch, dimension))
        if workload == "training step":
            parameters, static = eqx.partition(
                flow, eqx.is_inexact_array,
                is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable))
            optimizer = optax.adam(1e-4)
            loss = MaximumLikelihoodLoss()
            held = [parameters, optimizer.init(parameters)]

            def run(count):
                for _ in range(count):
                    held[0], held[1], value = training_step(
                        held[0], static, x, key=key, optimizer=optimizer, opt_state=held[1],
                        loss_fn=loss)
                jax.block_until_ready(value)
                jax.block_until_ready(held[0])

            return run

        if workload == "log-density":
            evaluate = eqx.filter_jit(lambda flow, x: flow.log_prob(x))
            inputs = x
        else:
            evaluate = eqx.filter_jit(lambda flow, key: flow.sample(key, (batch,)))
            inputs = other

        def run(count):
            for _ in range(count):
                result = evaluate(flow, inputs)
            jax.block_until_ready(result)

        return run

    serve(
        {
            "jax": jax.__version__,
            "flowjax": importlib.metadata.version("flowjax"),
            "optax": optax.__version__,
        }, make)


begin(main)
