"""The flow of RLE in JAX, jit: a worker of `Examples/benchmarks --peers`.

The same networks and masks as torch_flows.py; Adam by optax. XLA takes its number of threads from the
environment variable NPROC; besides, the process is kept on so many cores.
"""

import math

from worker import begin, hold_to_cores, serve


def main(options):
    hold_to_cores(options.threads)
    import jax
    import jax.numpy as jnp
    import jaxlib
    import optax

    def layer(key, inputs, outputs):
        bound = inputs**-0.5
        return {
            "w": jax.random.uniform(key, (inputs, outputs), minval=-bound, maxval=bound),
            "b": jnp.zeros(outputs),
        }

    def network(key, dimension):
        widths = [dimension, 64, 64, dimension]
        return [layer(k, *pair) for k, pair in zip(jax.random.split(key, 3), zip(widths, widths[1:]))]

    def apply(layers, x):
        for item in layers[:-1]:
            x = jax.nn.leaky_relu(x @ item["w"] + item["b"])
        return x @ layers[-1]["w"] + layers[-1]["b"]

    def networks(parameters, i, kept, x):
        seen = kept * x
        s = jnp.tanh(apply(parameters["scale"][i], seen)) * (1 - kept)
        return seen, s, apply(parameters["shift"][i], seen) * (1 - kept)

    def masks(dimension):
        mask = jnp.arange(dimension, dtype=jnp.float32) % 2
        return [mask, 1 - mask] * 3

    def log_prob(parameters, x):
        log_det = jnp.zeros(x.shape[0])
        for i, kept in reversed(list(enumerate(masks(x.shape[1])))):
            seen, s, t = networks(parameters, i, kept, x)
            x = (1 - kept) * (x - t) * jnp.exp(-s) + seen
            log_det = log_det - s.sum(1)
        return log_det - 0.5 * (x * x).sum(1) - 0.5 * x.shape[1] * math.log(2 * math.pi)

    def sample(parameters, x):
        for i, kept in enumerate(masks(x.shape[1])):
            seen, s, t = networks(parameters, i, kept, x)
            x = (1 - kept) * (x * jnp.exp(s) + t) + seen
        return x

    def make(workload, dimension, batch):
        keys = jax.random.split(jax.random.PRNGKey(0), 13)
        parameters = {
            "scale": [network(key, dimension) for key in keys[:6]],
            "shift": [network(key, dimension) for key in keys[6:12]],
        }
        x = jax.random.normal(keys[12], (batch, dimension))
        if workload == "training step":
            optimizer = optax.adam(1e-4)

            @jax.jit
            def step(parameters, state, x):
                gradient = jax.grad(lambda p: -log_prob(p, x).mean())(parameters)
                updates, state = optimizer.update(gradient, state)
                return optax.apply_updates(parameters, updates), state

            held = [parameters, optimizer.init(parameters)]

            def run(count):
                for _ in range(count):
                    held[:] = step(*held, x)
                jax.block_until_ready(held)

            return run

        if workload == "log-density":
            evaluate = jax.jit(log_prob)
            inputs = x
        else:
            evaluate = jax.jit(
                lambda p, key: sample(p, jax.random.normal(key, (batch, dimension))))
            inputs = keys[12]

        def run(count):
            for _ in range(count):
                result = evaluate(parameters, inputs)
            jax.block_until_ready(result)

        return run

    serve({"jax": jax.__version__, "jaxlib": jaxlib.__version__, "optax": optax.__version__}, make)


begin(main)
