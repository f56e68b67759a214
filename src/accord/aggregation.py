"""From the replies of a cohort to one reply.

"mean" (Σ p_k r_k / Σ p_k over who answered) and "sum" (Σ p_k r_k, for a coupled problem the plain sum) fold one reply
after another; a method may ask for one of them a field. A rule, any callable (replies, share) -> reply, sees the stack.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Shares(NamedTuple):
    """What a reply counts: (cohort,), or one agent's."""

    mean: Array
    sum: Array


def shares(p: Array, cohort: Array) -> Shares:
    """The shares of a cohort's agents; none where nobody in it has any weight."""
    total = jnp.sum(p[cohort])
    return Shares(p[cohort] / jnp.where(total > 0, total, 1), p[cohort])


def weighed(rule: Any, share: Shares, reply: Any) -> Any:
    """One reply times its share, by the rule of each field."""
    if isinstance(rule, str):
        return jax.tree.map(lambda leaf: getattr(share, rule) * _heeded(share, leaf), reply)
    return type(reply)(*(weighed(field_rule, share, field) for field_rule, field in zip(rule, reply, strict=True)))


def combined(rule: Any, share: Shares, replies: Any) -> Any:
    """A stack of replies times their shares, summed, by the rule of each field."""
    if isinstance(rule, str):
        return jax.tree.map(lambda leaf: jnp.tensordot(getattr(share, rule), _heeded(share, leaf), 1), replies)
    return type(replies)(*(combined(one, share, field) for one, field in zip(rule, replies, strict=True)))


def _heeded(share: Shares, leaf: Array) -> Array:
    """What is said by those who have a weight: who has none has no say, not even one that is infinite."""
    weight = jnp.reshape(share.sum, jnp.shape(share.sum) + (1,) * (leaf.ndim - jnp.ndim(share.sum)))
    return jnp.where(weight > 0, leaf, 0)
