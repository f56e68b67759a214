"""Losses that convolve: the same gradients in an order that is fast, and agents one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.problems.conv_layout import convolves, in_order

RANDOM = np.random.default_rng(0)
IMAGES, KERNEL = RANDOM.standard_normal((4, 2, 6, 5)), RANDOM.standard_normal((3, 2, 3, 2))
SHARDS = [(RANDOM.standard_normal((3, 6, 6)), RANDOM.standard_normal(3)) for _ in range(4)]
START = {"kernel": RANDOM.standard_normal((3, 3, 1, 2)), "head": RANDOM.standard_normal(2)}


def network(params: Any, row: Any) -> Any:
    image, target = row
    seen = jax.lax.conv_general_dilated(
        image[None, ..., None], params["kernel"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return (jnp.tanh(seen).mean((0, 1, 2)) @ params["head"] - target) ** 2


CONVOLUTIONS: dict[str, Callable[..., Any]] = {
    "plain": lambda x, w: jax.lax.conv(x, w, (1, 1), "VALID"),
    "strided": lambda x, w: jax.lax.conv(x, w, (2, 1), "SAME"),
    "dilated": lambda x, w: jax.lax.conv_general_dilated(x, w, (1, 1), ((1, 1), (2, 2)), (2, 1), (1, 2)),
    "in a loop": lambda x, w: jax.lax.map(lambda one: jax.lax.conv(one[None], w, (1, 1), "SAME"), x),
    "at once": jax.vmap(lambda x, w: jax.lax.conv(x[None], w, (1, 1), "SAME"), (0, None)),
}


@pytest.mark.parametrize("convolve", CONVOLUTIONS.values(), ids=list(CONVOLUTIONS))
@jax.enable_x64(True)
def test_gradients_are_the_same_in_order(convolve: Callable[..., Any]) -> None:
    slope = jax.grad(lambda w, x: jnp.sum(jnp.sin(convolve(x, w))), (0, 1))
    assert convolves(slope, KERNEL, IMAGES)
    for ordered, plain in zip(in_order(slope)(KERNEL, IMAGES), slope(KERNEL, IMAGES), strict=True):
        np.testing.assert_allclose(ordered, plain, rtol=1e-12, atol=1e-13)


def test_every_convolution_is_on_batch_space_and_channel() -> None:
    slope = in_order(jax.grad(lambda w, x: jnp.sum(jnp.sin(CONVOLUTIONS["plain"](x, w))), (0, 1)))
    arrays = (KERNEL.astype(np.float32), IMAGES.astype(np.float32))
    seen = str(jax.make_jaxpr(slope)(*arrays))
    assert seen.count("lhs_spec=(0, 3, 1, 2)") == seen.count("conv_general_dilated[") == 3


@pytest.mark.parametrize("kind", ["server", "peers"])
def test_agents_that_convolve_come_one_after_another_and_the_run_tells(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = accord.Problem(network, SHARDS, x0=START)
    how = {"network": accord.networks.ring(4)} if kind == "peers" else {}
    method = accord.DGD(0.1) if kind == "peers" else accord.FedSGD(0.1)
    stop = accord.Stop(rounds=5, progress=0)
    run = accord.run(problem, method, stop=stop, **how)
    assert "agents one after another, because the loss convolves" in str(run)
    monkeypatch.setattr("accord.engine.planning.plan.Plan.convolves", False)
    at_once = accord.run(problem, method, stop=stop, **how)
    assert "one after another" not in str(at_once)
    np.testing.assert_allclose(run.history["objective"], at_once.history["objective"], rtol=1e-12)
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-10), run.x, at_once.x)
