"""What makes a class a method."""

from __future__ import annotations

import jax

from accord.methods import BY_NAME, KNOWN_AS
from accord.methods.base import method


@method
class One:
    step_size: float


@method
class Other:
    step_size: float


def test_two_methods_with_equal_fields_are_never_taken_for_one_another() -> None:
    assert jax.tree.structure(One(0.5)) != jax.tree.structure(Other(0.5))
    assert jax.tree.structure(One(0.5)) == jax.tree.structure(One(0.25))


def test_every_other_name_finds_a_method_and_is_not_one_itself() -> None:
    assert {own for own, _ in KNOWN_AS.values()} <= set(BY_NAME)
    assert not set(KNOWN_AS) & set(BY_NAME)
