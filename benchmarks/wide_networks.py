"""Do the kernels of infinite width equal what wide random networks do?

    python benchmarks/wide_networks.py [--networks 64] [--seed 1] [--out results/wide-networks]

Writes wide-networks.csv and wide-networks.md: for ReLU and erf, one to three hidden layers, with
and without biases, on six Gaussian points of R^5,

- NNGP: mean over networks of the covariance of 1024 outputs at width 1024, less the exact kernel,
  in standard errors over networks: z, its largest of the 21 pairs of points, and the root of its
  mean square, which should be near 1.
- NTK: Frobenius distance of the tangent kernel at the start to the exact one, relative to it: root
  mean square over networks by width (more of them at small widths), with the exponent of its fall
  (1/2 expected), eight single networks of width 4096, and their mean kernel.

The networks are those that students are trained from; the kernels are the closed forms.
"""

import argparse
import csv
from itertools import product
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from lab.data.covariances import covariance
from lab.kinds.student import StudentSpec
from lab.students import mlp, tangent

POINTS, COORDINATES, WEIGHT = 6, 5, 1.8
NNGP_WIDTH = 1024
WIDTHS = (256, 512, 1024, 2048, 4096)
SINGLE = 8
BEYOND, CLOSE = 3.0, 0.02


def outputs_covariance(student: StudentSpec, x: np.ndarray, key: jax.Array) -> np.ndarray:
    """Mean over the outputs of one network of f(x) f(x')."""
    f = mlp.apply(student, mlp.init(student, COORDINATES, NNGP_WIDTH, keys=key), jnp.asarray(x.T))
    return np.asarray(f.T @ f) / NNGP_WIDTH


def tangent_at_start(student: StudentSpec, x: np.ndarray, key: jax.Array) -> np.ndarray:
    parameters = mlp.init(student, COORDINATES, 1, keys=key)
    columns = jnp.asarray(x.T)
    return np.asarray(tangent.tangent_kernel(student, parameters, columns, columns))


def network(activation: str, depth: int, bias: float, width: int) -> StudentSpec:
    return StudentSpec("mlp", (width,) * depth, activation, "ntk", WEIGHT, bias, "raw")


def row(activation: str, depth: int, bias: float, networks: int, seed: int) -> dict[str, object]:
    """One row of the table."""
    x = np.random.default_rng(seed).standard_normal((POINTS, COORDINATES)).astype(np.float32)
    settings = dict(depth=depth, weight=WEIGHT, bias=bias)
    nngp, ntk = (covariance(f"{activation}-{k}", **settings)(x, x) for k in ("nngp", "ntk"))
    keys = jax.random.split(jax.random.key(seed), networks)
    wide = network(activation, depth, bias, NNGP_WIDTH)
    seen = np.stack([outputs_covariance(wide, x, key) for key in keys])
    pairs = np.triu_indices(POINTS)
    error = seen.std(axis=0, ddof=1) / np.sqrt(networks)
    z = ((seen.mean(axis=0) - nngp) / error)[pairs]
    size, distances = np.linalg.norm(ntk), {}
    for w in WIDTHS:
        of_width = network(activation, depth, bias, w)
        found = [tangent_at_start(of_width, x, key) for key in keys[: SINGLE * WIDTHS[-1] // w]]
        distances[w] = np.array([np.linalg.norm(k - ntk) for k in found]) / size
        mean = np.linalg.norm(np.mean(found, axis=0) - ntk) / size
    typical = [np.sqrt(np.mean(distances[w] ** 2)) for w in WIDTHS]
    last = distances[WIDTHS[-1]]
    return {
        "activation": activation,
        "depth": depth,
        "bias": bias,
        "NNGP largest z": f"{np.abs(z).max():.2f}",
        "NNGP rms z": f"{np.sqrt(np.mean(z**2)):.2f}",
        **{f"NTK w = {w}": f"{v:.1%}" for w, v in zip(WIDTHS, typical, strict=True)},
        "falls as w^-": f"{-np.polyfit(np.log(WIDTHS), np.log(typical), 1)[0]:.2f}",
        f"single, w = {WIDTHS[-1]}": f"{last.min():.1%}–{last.max():.1%}",
        f"of {SINGLE} within {CLOSE:.0%}": int((last < CLOSE).sum()),
        f"mean of {SINGLE}": f"{mean:.1%}",
    }


def verdict(rows: list[dict[str, object]]) -> str:
    """One sentence for each claim that holds."""
    beyond = sum(float(r["NNGP largest z"]) > BEYOND for r in rows)
    single = [int(r[f"of {SINGLE} within {CLOSE:.0%}"]) for r in rows]
    mean = [float(str(r[f"mean of {SINGLE}"]).rstrip("%")) / 100 for r in rows]
    return (
        f"NNGP: {len(rows) - beyond} of {len(rows)} kernels have no pair beyond {BEYOND:g} "
        f"standard errors (of {len(rows) * POINTS * (POINTS + 1) // 2} correlated pairs in all). "
        f"NTK: the mean kernel of {SINGLE} networks of width {WIDTHS[-1]} is within {CLOSE:.0%} in "
        f"{sum(m < CLOSE for m in mean)} of {len(rows)} (largest {max(mean):.1%}); of the single "
        f"networks of that width {sum(single)} of {SINGLE * len(rows)} are."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--networks", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/wide-networks"))
    options = parser.parse_args()
    rows = []
    for activation, depth, bias in product(("relu", "erf"), (1, 2, 3), (0.0, 0.5)):
        rows.append(row(activation, depth, bias, options.networks, options.seed))
        print(rows[-1], flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "wide-networks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    lines = [
        f"Kernels of infinite width against {options.networks} random networks, by "
        "`benchmarks/wide_networks.py`; distances of the NTK are relative, in the Frobenius norm, "
        "root mean square over networks.",
        "",
        verdict(rows),
        "",
        "| " + " | ".join(rows[0]) + " |",
        "|" + "---|" * len(rows[0]),
        *("| " + " | ".join(map(str, r.values())) + " |" for r in rows),
    ]
    (options.out / "wide-networks.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
