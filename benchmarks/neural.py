"""Neural networks as the clients' models: an MLP and a small CNN, 100 clients, FedAvg, beside pfl.

100 images of 28 × 28 a client in 10 classes, float32, one local epoch in order by batches of 20, all clients a round.
The MLP has 784, 200 and 10 units; the CNN two convolutions of 3 × 3 into 8 and 16 channels, each with a ReLU and a
maximum over 2 × 2, and a linear layer. The CNN is any user's loss, written with jax.lax.

A second table tells why agents that convolve come one after another: the same gradients of 20 clients at their own
models, by `vmap`, one after another, and one after another in order (`accord/problems/conv_layout.py`).

    python benchmarks/neural.py [--pfl /path/to/its/python] [--rounds 10]
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from machine import peer, seconds, side_by_side, table, write

import accord
from accord.problems.conv_layout import in_order

CLIENTS, ROWS, SIDE, CLASSES = 100, 100, 28, 10
AXES = ("NHWC", "HWIO", "NHWC")


def task() -> tuple[np.ndarray, np.ndarray]:
    """Images and labels, the same for every system."""
    r = np.random.default_rng(0)
    images = r.standard_normal((CLIENTS, ROWS, SIDE, SIDE)).astype(np.float32)
    means = images.reshape(CLIENTS, ROWS, 7, 4, 7, 4).mean((3, 5)).reshape(CLIENTS, ROWS, 49)
    return images, np.argmax(means @ r.standard_normal((49, CLASSES)), -1)


def cnn(params: dict[str, Any], row: Any) -> Any:
    """The cross entropy of one image."""
    image, label = row
    x = image[None, ..., None]
    for kernel in ("first", "second"):
        x = jax.nn.relu(jax.lax.conv_general_dilated(x, params[kernel], (1, 1), "SAME", dimension_numbers=AXES))
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return -jax.nn.log_softmax(x.ravel() @ params["head"])[label]


def start() -> dict[str, np.ndarray]:
    """He's initialisation."""
    r = np.random.default_rng(1)
    shapes = {"first": (3, 3, 1, 8), "second": (3, 3, 8, 16), "head": (784, CLASSES)}
    return {
        name: (r.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))).astype(np.float32)
        for name, shape in shapes.items()
    }


def accords(problem: accord.Problem, rounds: int) -> float:
    """Seconds a round through the public `run`, records and stop test on, the whole call counted."""
    local = accord.SGD(epochs=1, batch_size=20, step_size=0.05, shuffle=False)
    stop = accord.Stop(rounds=rounds, progress=0.0)
    return seconds(partial(accord.run, problem, accord.FedAvg(local), stop=stop)) / rounds


def ways(images: np.ndarray, labels: np.ndarray) -> dict[str, list[float]]:
    """Seconds for a gradient of each of 20 clients at its own model, the ways that it may be computed."""
    some = jnp.asarray(images[:20]), jnp.asarray(labels[:20])
    models = jax.tree.map(lambda leaf: jnp.stack([leaf] * 20), start())
    slope = jax.grad(lambda params, X, y: jnp.mean(jax.vmap(cnn, (None, 0))(params, (X, y))))
    by = {
        "vmap": jax.jit(jax.vmap(slope)),
        "one after another": jax.jit(lambda *own: jax.lax.map(lambda one: slope(*one), own)),
        "one after another, in order": jax.jit(lambda *own: jax.lax.map(lambda one: in_order(slope)(*one), own)),
    }
    works = {name: partial(seconds, lambda f=f: jax.block_until_ready(f(models, *some))) for name, f in by.items()}
    return side_by_side(works)


def main() -> None:
    """Measure, print, and write `results/neural.json`."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pfl", help="the Python of an environment with pfl and torch")
    arguments.add_argument("--rounds", type=int, default=10)
    given = arguments.parse_args()
    images, labels = task()
    flat = [(X.reshape(ROWS, -1), y) for X, y in zip(images, labels, strict=True)]
    square = list(zip(images, labels.astype(np.int32), strict=True))
    problems = {
        "mlp": accord.problems.neural_network(flat, (200,), CLASSES),
        "cnn": accord.Problem(cnn, square, x0=start()),
    }
    figures = {}
    for name, problem in problems.items():
        measured = side_by_side({"accord": partial(accords, problem, given.rounds)}, repeats=3)
        if given.pfl:
            measured["pfl"] = [float(peer(given.pfl, "pfl_neural.py", name) or 0)] * len(measured["accord"])
        measured = {system: [1e3 * value for value in values] for system, values in measured.items()}
        figures[name] = table(f"{name.upper()}, {CLIENTS} clients", "ms a round", measured, "accord")
    measured = {way: [1e3 * value for value in values] for way, values in ways(images, labels).items()}
    figures["ways"] = table("A gradient each of 20 clients with a CNN", "ms", measured, "one after another, in order")
    print(f"\nwritten to {write('neural', figures)}")


if __name__ == "__main__":
    main()
