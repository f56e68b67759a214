"""The choice of hyper-parameters by the curvature of a problem, and their limits."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core.compilation import jit_by_loss
from accord.engine.planning.constants import SAMPLE, constants, curvature, max_row_smoothness, unit_vector
from accord.errors import MethodError
from accord.methods.contracts import Constants
from accord.methods.hyperparameters import is_count, kinds_of
from accord.methods.traits import pattern_of, weighs_oracles
from accord.problems.agent import Agent
from accord.problems.data.shape import Shape
from accord.problems.problem import Problem, stacked


class TunedParameter(NamedTuple):
    """A hyper-parameter that the run chose: what, how much, by which rule, from what."""

    name: str
    value: float
    rule: str
    source: str

    def __str__(self) -> str:
        return f"{self.name} {self.value:.3g} = {self.rule}, {self.source}"


def tune(method: Any, problem: Problem, network: Any = None, x0: Any = None) -> tuple[Any, tuple[TunedParameter, ...]]:
    """The method with every hyper-parameter that was left None chosen by its own rule, and what was chosen.

    Raises `MethodError` where a rule has no finite answer for this problem, and names what to give instead.
    """
    if not _unset(method):
        return method, ()
    whole, problem = problem, _measurable(problem)
    found, source = constants(problem, _as_met(method), network, x0)
    if whole is not problem:
        source += f", of {problem.K} agents drawn of {whole.K:,}"
    if "sample_grad" in method.needs:
        found = found._replace(L_row=max_row_smoothness(problem, curvature(problem, x0).L, found))
    if method.compares:
        found = found._replace(delta=unlikeness(problem, x0))
    return _chosen(method, found, source)


def unlikeness(problem: Problem, x0: Any = None) -> float:
    """δ = √λ_max(Σ p_k (H_k − H)²) at x0, by 50 power iterations: how far the agents' Hessians are from their mean.

    >>> import accord
    >>> round(unlikeness(accord.problems.quadratic(H=[1.0, 3.0], c=[0.0, 1.0])), 6)
    1.0
    """
    with jax.enable_x64(True):
        start = problem.x0 if x0 is None else x0
        shape = Shape.of(start)
        x = shape.flatten(jax.tree.map(lambda leaf: jnp.asarray(leaf, problem.dtype), start))
        agents = stacked(problem, shape, np.ones(problem.K, problem.dtype))
        return float(jnp.sqrt(_spread(problem.loss)(agents, jnp.asarray(problem.weights, problem.dtype), x)))


@jit_by_loss
def _spread(agents: Agent, p: Array, x: Array) -> Array:
    """λ_max(Σ p_k (H_k − H)²)."""
    times = jax.vmap(lambda agent, v: agent.hvp(x)(v), (agents.axes, 0))

    def squared(v: Array) -> Array:
        once = times(agents, jnp.broadcast_to(v, (len(p), *v.shape)))
        return p @ times(agents, once - p @ once)  # Σ p_k H (H_k − H) v = 0

    v = jax.lax.fori_loop(
        0, 50, lambda _, v: unit_vector(squared(v)), jax.random.normal(jax.random.key(0), x.shape, x.dtype)
    )
    return jnp.linalg.norm(squared(v))


def within_limits(
    method: Any, problem: Problem, network: Any = None, x0: Any = None, choices: tuple[TunedParameter, ...] = ()
) -> None:
    """FAULTS 21: refuse a hyper-parameter at or beyond the limit that its method states, where it can be measured.

    What was chosen by its rule is within: only what the user gives is looked at, and only then anything is measured.
    """
    chosen = {choice.name for choice in choices}
    limits = {name: limit for name, limit in method.limits.items() if name.replace("_", " ") not in chosen}
    if not limits or problem.opaque:
        return
    problem = _measurable(problem)
    found, source = constants(problem, _as_met(method), network, x0)
    for name, limit in limits.items():
        if (value := float(getattr(method, name))) >= limit.value(found):
            raise MethodError(
                f"{type(method).__name__} has {name}={value:.6g}, but it has to stay below "
                f"{limit.text} = {limit.value(found):.5g} ({source}), or it diverges. "
                f"Give less, or leave {name} out."
            )


def _as_met(method: Any) -> str:
    """The pattern whose agents are scaled as this method meets them."""
    return "peers" if weighs_oracles(method) else pattern_of(method)


def _measurable(problem: Problem) -> Problem:
    """The problem; of shards that are stored elsewhere a few, which is as much as can be read at the door."""
    return problem.sample(SAMPLE) if problem.stored else problem


def _unset(part: Any) -> list[str]:
    own = [name for name in part.rules if getattr(part, name) is None]
    return own + (_unset(part.local) if hasattr(part, "local") else [])


def _chosen(part: Any, found: Constants, source: str) -> tuple[Any, tuple[TunedParameter, ...]]:
    choices = []
    kinds = kinds_of(type(part))
    for name, rule in part.rules.items():
        if getattr(part, name) is not None:
            continue
        shared = found.L_dual > 0  # by a constraint, whose prices need steps of a size even where no cost is curved
        value = rule.value(found) if found.L > 0 or shared else 1  # nothing is curved, so any step will do
        if not (math.isfinite(value) and value > 0):
            raise MethodError(
                f"{type(part).__name__} has no safe {name}: "
                f"its rule {rule.text} gives {value} ({source}). "
                f"Give {name} yourself."
            )
        value = int(value) if is_count(kinds[name]) else float(value)
        part = dataclasses.replace(part, **{name: value})
        choices.append(TunedParameter(name.replace("_", " "), value, rule.text, source))
    if hasattr(part, "local"):
        local, more = _chosen(part.local, found, source)
        return dataclasses.replace(part, local=local), (*choices, *more)
    return part, tuple(choices)
