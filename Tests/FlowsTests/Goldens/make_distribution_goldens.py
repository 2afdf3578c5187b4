"""Writes Fixtures/distributions.safetensors: densities, distribution functions, quantiles by SciPy.

Run by hand, with numpy and scipy installed:

    python3 make_distribution_goldens.py

Each case is named <density>/<number> and holds, in double precision:
  parameters   as the Swift initializer takes them, concatenated
  x            [n, D]      places within the support
  log_density  [n]
  cdf          [n, 1]      where the density has one column
  p, quantile  [m, 1]      where the density has one column
"""

import json
import pathlib
import struct

import numpy as np
import scipy
from scipy import stats

PROBABILITIES = [1e-12, 1e-6, 0.001, 0.05, 0.3, 0.4999, 0.51, 0.75, 0.99, 1 - 1e-6, 1 - 2.0**-30]
REAL = [-1e4, -300.0, -70.0, -37.5, -20.0, -5.0, -1.3, -0.2, 0.1, 0.7, 2.0, 6.0, 30.0, 1e4]
POSITIVE = [1e-30, 1e-8, 1e-3, 0.02, 0.3, 1.0, 1.7, 4.0, 11.0, 30.0, 45.0, 90.0, 300.0]
UNIT = [1e-30, 1e-8, 1e-3, 0.05, 0.2, 0.5, 0.77, 0.9, 0.99, 1 - 2.0**-12, 1 - 2.0**-30]

arrays = {}


def add(name, **values):
    for key, value in values.items():
        arrays[f"{name}/{key}"] = np.ascontiguousarray(value, dtype="<f8")


def column(name, parameters, density, places, log_density=None):
    x = np.array(places)
    p = np.array(PROBABILITIES)
    quantile = density.ppf(p)
    assert np.all(np.isfinite(quantile)), name
    add(
        name,
        parameters=parameters,
        x=x[:, None],
        log_density=(log_density or density.logpdf)(x),
        cdf=density.cdf(x)[:, None],
        p=p[:, None],
        quantile=quantile[:, None],
    )


column("Gaussian/0", [0.5, 2.0], stats.norm(0.5, 2), REAL)
# SciPy takes the logarithm of a density that underflows.
column(
    "Laplace/0",
    [-1.0, 0.5],
    stats.laplace(-1, 0.5),
    REAL,
    log_density=lambda x: -np.abs(x + 1) / 0.5,
)
column("Logistic/0", [0.25, 1.5], stats.logistic(0.25, 1.5), REAL)
column("Uniform/0", [-1.0, 3.0], stats.uniform(-1, 4), np.linspace(-1, 3, 9))
for index, nu in enumerate([0.3, 1.0, 2.5, 30.0, 1e3]):
    column(f"StudentT/{index}", [0.125, 2.0, nu], stats.t(nu, 0.125, 2), REAL)
for index, a in enumerate([0.05, 0.5, 1.0, 2.5, 9.99, 10.0, 80.0]):
    column(f"Gamma/{index}", [a, 2.0], stats.gamma(a, scale=0.5), POSITIVE)
for index, (a, b) in enumerate(
    [(0.05, 0.5), (0.5, 0.5), (1.0, 3.0), (2.5, 7.0), (12.0, 30.0), (80.0, 0.5), (9.5, 200.0)]
):
    column(f"Beta/{index}", [a, b], stats.beta(a, b), UNIT)

generator = np.random.default_rng(1)
for index, n in enumerate([1, 3, 6]):
    mean = generator.normal(size=n)
    root = generator.normal(size=(n, n + 1))
    covariance = root @ root.T / n + 0.1 * np.eye(n)
    x = mean + 3 * generator.normal(size=(20, n))
    density = stats.multivariate_normal(mean, covariance)
    add(
        f"MultivariateGaussian/{index}",
        parameters=np.concatenate([mean, covariance.ravel()]),
        x=x,
        log_density=np.atleast_1d(density.logpdf(x)),
    )
for index, (n, r) in enumerate([(1, 1), (5, 2), (3, 4)]):
    mean = generator.normal(size=n)
    factor = generator.normal(size=(n, r))
    diagonal = generator.uniform(0.1, 2, size=n)
    x = mean + 3 * generator.normal(size=(20, n))
    density = stats.multivariate_normal(mean, factor @ factor.T + np.diag(diagonal))
    add(
        f"LowRankGaussian/{index}",
        parameters=np.concatenate([mean, factor.ravel(), diagonal]),
        x=x,
        log_density=np.atleast_1d(density.logpdf(x)),
    )

header = {
    "__metadata__": {"made_with": f"scipy {scipy.__version__}, numpy {np.__version__}"}
}
offset = 0
for name in sorted(arrays):
    size = arrays[name].nbytes
    header[name] = {
        "dtype": "F64",
        "shape": list(arrays[name].shape),
        "data_offsets": [offset, offset + size],
    }
    offset += size
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
path = pathlib.Path(__file__).parent / "Fixtures" / "distributions.safetensors"
with open(path, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text)
    for name in sorted(arrays):
        file.write(arrays[name].tobytes())
print(f"{path.name}: {path.stat().st_size} bytes, {len(arrays)} arrays")
