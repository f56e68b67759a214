"""A method set up for a test, from its own fields: nothing random in it, as random as can be, with other step sizes."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from typing import Any

import jax

import accord
from accord.engine.planning.tuning import tune
from accord.methods.traits import pattern_of
from tests.contract.worlds import World, world_of


def settled(kind: Any) -> Any:
    """The method with whole gradients only; where clients work between messages, three steps of it."""
    method = kind()
    if hasattr(method, "local"):
        return replace(method, local=accord.GradientDescent(steps=3))
    whole = {f.name: None for f in fields(method) if f.name == "batch_size" and f.default is None}
    return replace(method, **whole)


def sampling(kind: Any) -> Any:
    """The method drawing two rows at a time, wherever it can."""
    method = kind()
    if hasattr(method, "local"):
        length = {"steps": 2} if method.even else {"epochs": 1}
        return replace(method, local=accord.SGD(batch_size=2, **length))
    return replace(method, batch_size=2) if "batch_size" in {f.name for f in fields(method)} else method


def noisy(kind: Any) -> dict[str, Any]:
    """Everything that may be random about a run: a noisy channel, and a cohort where the method bears one."""
    cohort = {"participation": 0.5} if pattern_of(kind()) == "server" and kind().partial else {}
    return {"channel": accord.gaussian_noise(0.01), **cohort}


def chosen(method: Any, world: World, factor: float = 1.0) -> Any:
    """The method with its hyper-parameters chosen for the world, and those times a factor."""
    method, _ = tune(method, world.problem(), world.network)
    return jax.tree.map(lambda leaf: factor * leaf, method)


def stepping(method: Any, world: World, factor: float) -> Any:
    """The method with its hyper-parameters chosen; the steps, its own and those of its local work, times a factor."""
    method = chosen(method, world)
    parts = {f.name: getattr(method, f.name) for f in fields(method)}
    shorter = {name: factor * parts[name] for name in parts if name == "step_size"}
    if "local" in parts:
        shorter["local"] = replace(parts["local"], step_size=factor * parts["local"].step_size)
    return replace(method, **shorter)


def leaves_of(kind: Any) -> list[Any]:
    """The hyper-parameters that may vary without compiling anew."""
    return jax.tree.leaves(chosen(settled(kind), world_of(kind)))


def state_of(kind: Any) -> Any:
    """The NamedTuple that an agent keeps, its fields named as in the paper; None where the method has another kind."""
    return getattr(sys.modules[type(kind()).__module__], "State", None)
