"""The gradient of an agent, over all its rows or over some drawn afresh, and what it costs."""

from __future__ import annotations

from typing import Any

from jax import Array

NEIGHBOURHOOD = "a neighbourhood of the optimum, of the order of the step size"
"""The limit, with rows drawn afresh, of a method that is exact with all of them."""


def gradient(agent: Any, x: Array, key: Array, batch_size: int | None) -> Array:
    """∇f_k(x) where `batch_size` is None; else g_k(x), over as many rows drawn afresh.

    >>> from types import SimpleNamespace
    >>> agent = SimpleNamespace(grad=lambda x: "of all rows", sample_grad=lambda x, key, rows: f"of {rows} rows")
    >>> gradient(agent, "x", "key", None), gradient(agent, "x", "key", 20)
    ('of all rows', 'of 20 rows')
    """
    return agent.grad(x) if batch_size is None else agent.sample_grad(x, key, batch_size)


def passes(batch_size: int | None, size: float) -> float:
    """Return the number of passes over its shard of `size` rows that it costs an agent.

    >>> passes(None, 100), passes(20, 100)
    (1.0, 0.2)
    """
    return 1.0 if batch_size is None else batch_size / max(size, 1)
