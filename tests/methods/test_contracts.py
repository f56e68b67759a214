"""What makes a class a method."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Optional, TypeAlias

import jax
import numpy as np
import optax
import pytest

import accord
from accord.errors import MethodError
from accord.methods import BY_NAME, KNOWN_AS, METHODS
from accord.methods.contracts import Convergence, Local, Rate, Regularizer, Stepping
from accord.methods.hyperparameters import kinds_of
from accord.methods.traits import method
from tests.compiling import compilations


class floating_thing:  # noqa: N801
    """Neither a number nor floating, whatever it is called."""


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


PLAIN: TypeAlias = Optional[float]  # noqa: UP045
ALIAS: TypeAlias = float | None
SKELETON = re.search(r"^```python\n(.*?)^```$", Path("docs/style.md").read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture(params=["", "from __future__ import annotations\n"], ids=["plain", "future"])
def heavy_ball(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The guide's skeleton of a method among peers, as a reader's own module, with and without the future import."""
    module = types.ModuleType(f"skeleton_{request.param_index}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(request.param + SKELETON[1], module.__name__, "exec", dont_inherit=True), module.__dict__)
    return module.HeavyBallDGD


@pytest.fixture
def four() -> dict[str, Any]:
    problem = accord.problems.quadratic(H=np.array([1.0, 2.0, 3.0, 4.0]), c=np.array([0.0, 1.0, 2.0, 6.0]))
    return {"problem": problem, "network": accord.networks.ring(4), "stop": accord.Stop(rounds=20, progress=0)}


def test_a_negative_momentum_is_refused_of_the_guides_own_skeleton(heavy_ball: Any, four: dict[str, Any]) -> None:
    with pytest.raises(MethodError, match=r"HeavyBallDGD has momentum=-0\.5\. Give a positive number"):
        accord.run(method=heavy_ball(momentum=-0.5), **four)


def test_further_values_of_the_skeletons_momentum_compile_nothing(heavy_ball: Any, four: dict[str, Any]) -> None:
    first = accord.run(method=heavy_ball(momentum=0.5), **four)
    with compilations() as seconds:
        others = [accord.run(method=heavy_ball(momentum=momentum), **four) for momentum in (0.1, 0.2, 0.3)]
    assert seconds == []
    assert len({float(run.x) for run in (first, *others)}) == 4


def test_types_decide_what_is_traced_however_they_are_written() -> None:
    @method
    class Written:
        optional: Optional[float] = None  # noqa: UP045
        quoted: "float" = 0.0  # noqa: UP037
        numpy: np.ndarray | None = None
        jax: jax.Array | None = None
        alias: ALIAS = None
        other_alias: PLAIN = None
        local: Local | None = None
        steps: Optional[int] = None  # noqa: UP045
        floating_thing: floating_thing | None = None
        word: str = ""

    assert Written.traced == {"optional", "quoted", "numpy", "jax", "alias", "other_alias", "local"}


def test_an_annotation_that_the_module_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(MethodError, match=r"Lost is annotated by a name .*'nowhere'.*names of the module itself"):

        @method
        class Lost:
            step_size: nowhere | None = None  # noqa: F821 # pyright: ignore[reportUndefinedVariable]


def test_of_all_methods_whole_numbers_words_and_functions_are_of_the_structure_and_all_else_is_traced() -> None:
    kinds = {type(part) for kind in METHODS for part in (kind(), getattr(kind(), "local", None)) if part is not None}
    fields = {(kind, name): types for kind in kinds for name, types in kinds_of(kind).items()}
    static = {one for (kind, name), types in fields.items() if name not in kind.traced for one in types}
    traced = {one for (kind, name), types in fields.items() if name in kind.traced for one in types}
    assert static == {int, bool, str, tuple, optax.GradientTransformation}
    assert traced == {float, jax.Array, Mapping, Any, Local, Stepping, Regularizer}


def test_what_a_method_converges_to_is_read_as_true_or_in_words_and_its_rate_as_a_number() -> None:
    @method
    class Slow:
        exact: ClassVar = Convergence(rate=Rate(t=-1, log=True, bound=True))

    assert Slow.exact == "the optimum in the limit, its distance falling at least like (log t)/t"
    assert Slow.rate.at(np.e) == pytest.approx(1 / np.e)
    assert (One.exact, One.rate) == (True, None)
    stated = {kind.__name__: str(kind().rate) for kind in METHODS if kind().rate is not None}
    assert stated == {"DistributedDualSubgradient": "1/√t"}
