"""What every method states about itself, since the door, the docs, the citations and these tests believe it."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Protocol, runtime_checkable

import jax
import pytest

from accord.methods import BY_NAME
from accord.methods.contracts import EdgeMethod, PeerMethod, ServerMethod
from accord.methods.traits import FACTS, pattern_of, phases_of
from tests.contract.knobs import chosen, settled
from tests.contract.worlds import world_of


@runtime_checkable
class Part(Protocol):
    """One of several exchanges a round."""

    def message(self, state: Any) -> Any: ...

    def update(self, state: Any, mixed: Any, agent: Any, key: Any) -> Any: ...


ORACLES = {"value", "grad", "hessian", "sample_grad", "prox", "conjugate_grad", "best_response", "allocation"}
WEIGHTS = {"doubly stochastic", "row stochastic", "column stochastic", "symmetric"}
YEAR = r"\b(19|20)\d\d\b"


def test_a_method_is_frozen(kind: Any) -> None:
    method = kind()
    assert dataclasses.is_dataclass(method)
    name = next((f.name for f in dataclasses.fields(method)), "anything")
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(method, name, 1.0)


def test_a_method_is_a_pytree_whose_leaves_are_numbers(kind: Any) -> None:
    method = chosen(settled(kind), world_of(kind))
    leaves, tree = jax.tree.flatten(method)
    assert jax.tree.unflatten(tree, leaves) == method
    assert all(isinstance(leaf, float) for leaf in leaves)
    assert hash(tree) == hash(jax.tree.structure(chosen(settled(kind), world_of(kind), 0.5)))


def test_a_method_meets_its_contract(kind: Any) -> None:
    method = kind()
    if pattern_of(method) != "peers":
        assert isinstance(method, ServerMethod)
    elif hasattr(method, "messages"):
        assert isinstance(method, EdgeMethod)
    else:
        assert isinstance(method, PeerMethod) or all(isinstance(part, Part) for part in phases_of(method))


def test_a_method_states_its_facts(kind: Any) -> None:
    method = kind()
    assert all(hasattr(method, fact) for fact in FACTS)
    assert method.needs
    assert set(method.needs) <= ORACLES
    asked = method.weights if isinstance(method.weights, tuple) else (method.weights,)  # one for all, or one a field
    assert (set(asked) <= WEIGHTS) == (pattern_of(method) == "peers")
    if not callable(method.aggregate):  # a rule of its own, which sees every reply
        assert set((method.aggregate,) if isinstance(method.aggregate, str) else method.aggregate) <= {"mean", "sum"}
    assert method.exact is True or (isinstance(method.exact, str) and method.exact)
    assert set(method.rules) <= {f.name for f in dataclasses.fields(method)}
    assert all(rule.text for rule in method.rules.values())


def test_a_method_has_a_reference_and_its_docstring_a_source(kind: Any) -> None:
    assert re.search(YEAR, kind().reference)
    assert re.search(YEAR, kind.__doc__)


def test_every_hyper_parameter_is_documented(kind: Any) -> None:
    method = kind()
    told = f"{kind.__doc__} {type(method).__doc__}"
    assert [f.name for f in dataclasses.fields(method) if f"`{f.name}`" not in told] == []


def test_a_method_has_a_name_that_finds_it(kind: Any) -> None:
    assert [name for name, known in BY_NAME.items() if known is kind] != []
