"""The messages of bad agents: for tests and studies of the rules in `accord.aggregation`.

They know every reply of the round and act together, as the worst would: `run(..., aggregate=Attacked(rule, agents,
by))` puts their messages in place of what these agents' channels carried. Bad data is another matter: `label_flip`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.errors import MethodError

Attack = Callable[[Array, Array], Array]
"""A function from what all would send, (n, numbers), and what the honest send, (n−f, numbers), to what the bad send."""


@dataclass(frozen=True)
class Attacked:
    """A rule to which `agents` send what an attack wants; a reply's place in the cohort is its agent's number.

    - `rule`: of `accord.aggregation`. `agents`: whose messages are replaced. `by`: the attack.

    Needs every agent's reply, so no `participation`.

    >>> from accord.aggregation import Median
    >>> attacked = Attacked(Median(), (0,), sign_flip)
    >>> attacked((jnp.array([[1.0], [1.0], [1.0]]),), jnp.ones(3))[0].tolist()
    [1.0]
    """

    rule: Any
    agents: tuple[int, ...]
    by: Attack

    def check(self, cohort: int) -> None:
        """Raise `MethodError` where an agent is not there, or where none is honest."""
        if not self.agents or not all(0 <= k < cohort for k in self.agents) or len(set(self.agents)) >= cohort:
            raise MethodError(
                f"Attacked has agents={self.agents} in a cohort of {cohort}. "
                f"Give numbers from 0 to {cohort - 1}, and leave someone honest."
            )
        self.rule.check(cohort)

    def __call__(self, replies: Any, share: Array) -> Any:
        """Return what the rule makes of it."""
        leaves, tree = jax.tree.flatten(replies)
        bad = np.isin(np.arange(len(leaves[0])), self.agents)
        rows = jnp.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], 1)
        rows = rows.at[np.flatnonzero(bad)].set(self.by(rows[bad], rows[~bad]))
        parts = jnp.split(rows, np.cumsum([leaf[0].size for leaf in leaves])[:-1], 1)
        said = [part.reshape(leaf.shape) for part, leaf in zip(parts, leaves, strict=True)]
        return self.rule(jax.tree.unflatten(tree, said), share)


def sign_flip(own: Array, honest: Array) -> Array:  # noqa: ARG001
    """The opposite of what they would have sent (Li et al. 2019).

    >>> sign_flip(jnp.ones((1, 2)), jnp.ones((3, 2))).tolist()
    [[-1.0, -1.0]]
    """
    return -own


def not_a_number(own: Array, honest: Array) -> Array:  # noqa: ARG001
    """NaN throughout: a crash, or malice.

    >>> bool(jnp.isnan(not_a_number(jnp.ones((1, 2)), jnp.ones((3, 2)))).all())
    True
    """
    return jnp.full_like(own, jnp.nan)


def mimic(own: Array, honest: Array) -> Array:
    """All repeat the first honest agent, which counts too much then (Karimireddy et al. 2022).

    >>> mimic(jnp.ones((2, 1)), jnp.array([[5.0], [6.0]])).tolist()
    [[5.0], [5.0]]
    """
    return jnp.broadcast_to(honest[0], own.shape)


@dataclass(frozen=True)
class ALIE:
    """mean − z·deviation of the honest, number by number: a little is enough (Baruch et al. 2019).

    >>> ALIE(1.0)(jnp.zeros((1, 1)), jnp.array([[1.0], [3.0]])).tolist()
    [[1.0]]
    """

    z: float = 1.5

    def __call__(self, own: Array, honest: Array) -> Array:
        """Return what the bad agents send."""
        return jnp.broadcast_to(jnp.mean(honest, 0) - self.z * jnp.std(honest, 0), own.shape)


@dataclass(frozen=True)
class InnerProduct:
    """−ε·mean of the honest: turns the inner product with the truth negative (Xie et al. 2020).

    >>> InnerProduct(0.5)(jnp.zeros((1, 1)), jnp.array([[1.0], [3.0]])).tolist()
    [[-1.0]]
    """

    epsilon: float = 1.0

    def __call__(self, own: Array, honest: Array) -> Array:
        """Return what the bad agents send."""
        return jnp.broadcast_to(-self.epsilon * jnp.mean(honest, 0), own.shape)


@dataclass(frozen=True)
class Gaussian:
    """Noise of deviation `scale` on what they would have sent, the same in every round (Blanchard et al. 2017).

    >>> Gaussian(100.0)(jnp.zeros((2, 3)), jnp.zeros((3, 3))).shape
    (2, 3)
    """

    scale: float = 10.0
    seed: int = 0

    def __call__(self, own: Array, honest: Array) -> Array:
        """Return what the bad agents send."""
        return own + self.scale * jax.random.normal(jax.random.key(self.seed), own.shape, own.dtype)


def label_flip(shards: Sequence[Any], agents: Sequence[int], classes: int) -> list[Any]:
    """The shards (features, labels) with the labels b of some agents turned into classes − 1 − b.

    >>> label_flip([(np.zeros((2, 1)), np.array([0, 1]))], [0], classes=2)[0][1].tolist()
    [1, 0]
    """
    return [(x, classes - 1 - np.asarray(b)) if k in set(agents) else (x, b) for k, (x, b) in enumerate(shards)]
