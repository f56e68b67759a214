"""Traits: what a method states about itself on its class, and what is derived from it."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any, TypeVar, dataclass_transform

import jax
import numpy as np

from accord.core.kinds import known_fields
from accord.core.pytrees import register
from accord.errors import MethodError, UnknownName
from accord.methods.contracts import HINTS
from accord.methods.convergence import Convergence as Convergence
from accord.methods.hyperparameters import traced_fields

FACTS: dict[str, Any] = {
    "name": "",  # what it goes by in studies, where its class's name does not break into words by itself
    "needs": ("grad",),  # the oracles it asks
    "weights": None,  # what it asks of the mixing matrix: "doubly stochastic", "row stochastic", ...; or one a field
    "aggregate": "mean",  # of the replies: "mean" (Σ p_k r_k / Σ p_k), "sum" (Σ p_k r_k), one a field, or a rule
    "least_eigenvalue": None,  # what λ_min(W) has to stay above, where there is such a limit
    "always_connected": False,  # over a cycle of networks needs each connected, not only all of them together
    "dimensions": None,  # the most decisions it is for, as one that sends Hessians has; None for any number
    "compares": False,  # its rules choose by δ, how far the agents' Hessians differ at x0
    "bears": (),  # impairments of a network: "lose", "sleep", "delay", and "vary", a cycle of networks
    "exact": True,  # converges to the optimum; or else, in words or as a `Convergence`, to what; read as True or words
    "rate": None,  # the `Rate` of that, where it is slower than geometric: stated as Convergence(rate=Rate(t=-0.5))
    "minimises": "F",  # or, in words, what else: `exact` then refers to the optimum of that
    "convexity": "",  # "strong at every agent": each f_k, not only F, has to be
    "partial": True,  # bears a cohort: some clients a round
    "cohort": "by weight",  # how one is drawn: each client by its p_k, or "alike", where replies fade at the optimum
    "sampled": "a floor of the order of the step size, because cohorts differ",  # `exact` under cohorts drawn by weight
    "reference": "",  # author, year, title
    "each": (),  # hyper-parameters that may be one number for all, or one an agent: an array, or a dict by name
    "may_be_zero": (),  # hyper-parameters for which 0 has a meaning; all others are positive
    "rules": {},  # name of a hyper-parameter -> Rule
    "limits": {},  # name of a hyper-parameter -> Rule for what it must stay below
    "free_objective": False,  # F at the current point comes with the gradients that are computed anyway
    "even": False,  # is right only where all agents take equally many local steps
    "asynchronous": False,  # asynchronous: `update` is called once an arrival, with the broadcast that it answers
    "serial": False,  # clients one after another rather than all at once: cheaper when each works in a long loop
}
"""The facts that a method may state about itself on its class, and what is assumed where it does not."""


M = TypeVar("M", bound=type)


@dataclass_transform(frozen_default=True)
def method(cls: type[M]) -> type[M]:
    """Make a class a method: a frozen dataclass, a pytree, with every fact of `FACTS` present.

    Numbers are leaves, `traced`; whole numbers, words and functions (an optax optimizer) are static. Types decide,
    with or without the future import.

    >>> @method
    ... class Jump:
    ...     step_size: float | None = None
    >>> Jump(0.5), Jump.exact, jax.tree.leaves(Jump(0.5))
    (Jump(step_size=0.5), True, [0.5])
    """
    cls = known_fields(dataclasses.dataclass(frozen=True)(cls), HINTS)
    for fact, default in FACTS.items():
        if not hasattr(cls, fact):
            setattr(cls, fact, default)
    if isinstance(cls.exact, Convergence):  # pyright: ignore[reportAttributeAccessIssue]
        cls.exact, cls.rate = str(cls.exact), cls.exact.rate  # pyright: ignore[reportAttributeAccessIssue]
    cls.traced = traced_fields(cls)  # pyright: ignore[reportAttributeAccessIssue]
    cls.__reduce__ = _pickled  # pyright: ignore[reportAttributeAccessIssue]
    _register(cls)
    return cls


def _pickled(method: Any) -> tuple[Any, ...]:
    return _unpickled, (type(method), dict(vars(method)))


def _unpickled(cls: type[Any], values: dict[str, Any]) -> Any:
    """A method in another process, where the class of a user's own, sent along with it, is not a pytree yet."""
    method = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(method, name, value)
    if jax.tree_util.all_leaves([method]):
        _register(cls)
    return method


def _register(cls: type[Any]) -> None:
    register(cls, [f.name for f in dataclasses.fields(cls) if f.name not in cls.traced])


def name_of(kind: type | Any) -> str:
    """The name a method goes by in studies and on the command line.

    >>> [name_of(type(name, (), {})) for name in ("GradientTracking", "ATCGradientTracking", "FedAvg", "EXTRA")]
    ['gradient_tracking', 'atc_gradient_tracking', 'fedavg', 'extra']
    """
    kind = kind if isinstance(kind, type) else type(kind)
    if name := getattr(kind, "name", ""):
        return name
    word = kind.__name__
    word = word.replace("Fed", "fed") if word.startswith("Fed") else word
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", word).lower().replace("fed_", "fed")


def pattern_of(kind: type | Any) -> str:
    """Return the pattern of coordination of a method: "server", "peers" or "prices"."""
    if hasattr(kind, "broadcast"):
        return "prices" if is_coupled(kind) else "server"
    return "peers"


def by_agent(method: Any, names: tuple[str, ...]) -> Any:
    """The method with what was given one an agent in the order of the agents; infinite for who is not named.

    Raises `UnknownName` for an agent that there is not, and `MethodError` for what is no positive number.
    """
    given = {name: value for name in method.each if (value := getattr(method, name)) is not None}
    for name, value in given.items():
        if isinstance(value, Mapping):
            if strange := [agent for agent in map(str, value) if agent not in names]:
                raise UnknownName("agent", strange[0], names)
            value = [{str(agent): one for agent, one in value.items()}.get(agent, math.inf) for agent in names]
        numbers = np.asarray(value)
        fits = numbers.dtype.kind in "fiu" and numbers.shape in ((), (len(names),))
        least = 0 if name in method.may_be_zero else np.finfo(float).tiny
        if not fits or not (numbers >= least).all():
            raise MethodError(
                f"{type(method).__name__} has {name}={value!r}. "
                f"Give a positive number, or one for each of the {len(names)} agents."
            )
        given[name] = numbers.astype(float) if numbers.ndim else float(numbers)
    return dataclasses.replace(method, **given) if given else method


def of_agent(method: Any, k: Any) -> Any:
    """The method as agent k has it: its own number of what was given one an agent."""
    values = {name: getattr(method, name) for name in method.each}
    own = {name: value[k] for name, value in values.items() if value is not None and value.ndim}
    return dataclasses.replace(method, **own) if own else method


def is_coupled(kind: type | Any) -> bool:
    """Return True where a method decides by prices for agents that share a constraint, and seeks no common model.

    Among peers its state has a field `price`, the agent's own opinion of it, beside `x`.
    """
    return "best_response" in kind.needs


def chapter_of(kind: type | Any) -> str:
    """Return the heading of a method in lists: its pattern, or "asynchronous" where none is waited for."""
    return "asynchronous" if kind.asynchronous else pattern_of(kind)


def weighs_oracles(kind: type | Any) -> bool:
    """Return True where p_k enter in the agents' oracles, scaled by K·p_k so that F = mean of f_k: all count alike.

    They do among peers, and where a server receives one reply at a time; elsewhere they enter in the aggregate.
    """
    return not is_coupled(kind) and (pattern_of(kind) == "peers" or kind.asynchronous)


def phases_of(method: Any) -> tuple[Any, ...]:
    """The parts of a round, each with `message` and `update`: the method itself where it exchanges once."""
    return getattr(method, "phases", (method,))
