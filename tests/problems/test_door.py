"""What is refused, held still and never shown where a problem is posed and a run begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.experimental.sparse as jax_sparse
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import accord
from accord.errors import AccordError, AgentError, DataError, MethodError, ProblemError, UnknownKeyword, UnknownName
from accord.problems import Coupled, Opaque, Problem, Stored

SHARDS = [np.ones((1, 3)), np.ones((2, 3))]
LINE = accord.problems.quadratic(H=np.ones(10), c=np.arange(10.0))


def square(x: Any, a: Any) -> Any:
    return ((x - a) ** 2).sum()


def at(x0: Any) -> accord.Run:
    return accord.run(Problem(square, SHARDS, x0=x0), accord.FedSGD(), stop=accord.Stop(rounds=1))


@pytest.mark.parametrize(
    ("x0", "message"),
    [
        ([0, 0, 0], r"x0\[0\] is 0, of the kind int64, and only floating numbers are learnt"),
        ({"w": 1.0, "degree": 2}, r"x0\['degree'\] is 2, of the kind int64"),
        ({"w": 1.0, "on": True}, r"x0\['on'\] is True, of the kind bool"),
        (np.zeros(3, np.float16), "x0 is float16, in which sums over rows and rounds lose their digits"),
        (jnp.zeros(3, jnp.bfloat16), "x0 is bfloat16"),
        (np.array(["a"]), "x0 holds .*, which is no real number"),
    ],
)
def test_a_start_that_is_not_of_floating_numbers_is_refused_by_its_path(x0: Any, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        at(x0)


def test_whole_numbers_are_a_start_where_the_problem_has_floating_ones() -> None:
    assert accord.run(LINE, accord.FedSGD(), x0=4).x == pytest.approx(4.5)


def test_a_loss_that_draws_numbers_is_refused_and_one_that_holds_some_is_not() -> None:
    random, held = np.random.default_rng(0), np.arange(3.0)
    for noisy in (lambda x, a: square(x, a + random.normal()), lambda x, a: square(x, a + random.normal(size=3))):
        with pytest.raises(ProblemError, match="The loss is another one each time it is called"):
            accord.run(Problem(noisy, SHARDS, x0=np.zeros(3)), accord.FedSGD())
    run = accord.run(Problem(lambda x, a: square(x, a + held), SHARDS, x0=np.zeros(3)), accord.FedSGD())
    np.testing.assert_allclose(run.x, 1 + held, atol=1e-6)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (scipy.sparse.eye_array(3).tocsr(), "Agent 0: features is a sparse csr_array"),
        (jax_sparse.BCOO.fromdense(jnp.eye(3)), "Agent 0: features is a sparse BCOO"),
        (np.ma.masked_greater(np.eye(3), 0.5), "Agent 0: features has 3 masked values"),
    ],
)
def test_arrays_that_would_lose_their_meaning_are_refused(features: Any, message: str) -> None:
    for make in (accord.problems.logistic, lambda shards: Problem(square, shards)):
        with pytest.raises(DataError, match=message):
            make([(features, np.ones(3))])


def test_weights_and_sizes_are_read_only() -> None:
    stored = Stored(lambda ks: np.ones(len(ks)), np.ones(3, int))
    market = Coupled(square, SHARDS, np.ones((2, 3)), 1.0)
    for values in (LINE.weights, market.weights, stored.sizes):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 5


def test_a_repr_shows_names_sizes_and_shapes_and_no_row() -> None:
    secret = [(np.full((2, 3), 271.8), np.array([314, 159])), (np.full((5, 3), 271.8), np.full(5, 314))]
    shown = [
        (
            Problem(square, secret, names=["north", "south"]),
            "Problem(square, 2 agents (north, south): "
            "7 examples of features float64[3], targets int64[], 2 to 5 an agent)",
        ),
        (
            Coupled(square, [np.full((1, 3), 271.8)] * 4, np.full((4, 3), 314), 159.0),
            "Coupled(square, 4 agents (0, 1, 2, ...): 4 examples of data float64[3], "
            "1 to 1 an agent, 1 shared rows ==)",
        ),
        (Opaque(value=lambda x, secret=secret: 0.0, grad=lambda x: x, size=7), "Opaque(value, grad, size=7)"),
        (Problem(None, [Opaque(value=lambda x: 0.0)]), "Problem(own losses, 1 agents (0): opaque)"),
        (
            Stored(lambda ks: np.full(len(ks), 271.8), np.ones(2000, int)),
            "Stored(2,000 agents, 2,000 rows, panel=1,000)",
        ),
    ]
    for one, words in shown:
        assert repr(one) == str(one) == words


@pytest.mark.parametrize(
    ("keywords", "given"),
    [
        ({"participation": np.float32(0.5)}, ("5 of 10 clients a round",)),
        ({"participation": np.array(5)}, ("5 of 10 clients a round",)),
        ({"seed": np.array(3), "record": jnp.array(1), "stop": accord.Stop(rounds=np.int32(3))}, ()),
    ],
)
def test_a_number_is_a_number_whoever_made_it(keywords: dict[str, Any], given: tuple[str, ...]) -> None:
    run = accord.run(LINE, accord.FedSGD(), **({"stop": accord.Stop(rounds=3)} | keywords))
    assert run.facts.given == given
    assert run.facts.seed == int(keywords.get("seed", 0))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: accord.run(LINE, accord.FedSGD(), seed=None), MethodError, "seed=None is of the kind NoneType"),
        (lambda: accord.run(LINE, accord.FedSGD(), participation="all"), MethodError, "participation='all'"),
        (lambda: accord.Stop(rounds="10"), MethodError, r"Stop\(rounds='10', of the kind str\): give a whole number"),
        (lambda: accord.Stop(progress=None), MethodError, r"Stop\(progress=None, of the kind NoneType\)"),
        (lambda: accord.GradientTracking(stepsize=1), UnknownKeyword, "Did you mean 'step_size'"),
        (lambda: accord.SGD(lr=1), UnknownKeyword, "SGD has no argument called 'lr'. It is called step_size"),
        (lambda: accord.run(LINE, accord.FedSGD(), rounds=9), UnknownKeyword, r"Give stop=accord.Stop\(rounds=...\)"),
        (lambda: accord.run(LINE, accord.FedSGD(), sead=9), UnknownKeyword, "no argument called 'sead'. Did you"),
        (lambda: accord.Stop(round=9), UnknownKeyword, "Did you mean 'rounds'"),
        (lambda: accord.networks.erdos_renyi(9, prob=0.5), UnknownKeyword, "erdos_renyi has no argument called 'prob'"),
        (lambda: accord.problems.logistic([], l=1), UnknownKeyword, "Did you mean 'l2'"),
        (lambda: Problem(None, [], wieghts=1), UnknownKeyword, "Problem has no argument called 'wieghts'"),
        (lambda: Problem.from_table("x.csv", by="a", targt="b"), UnknownKeyword, "Did you mean 'target'"),
    ],
)
def test_an_argument_of_the_wrong_kind_or_name_is_refused_in_a_sentence(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


def test_an_unknown_keyword_is_a_type_error_and_an_unknown_name() -> None:
    assert issubclass(UnknownKeyword, TypeError)
    assert issubclass(UnknownKeyword, UnknownName)
    assert issubclass(UnknownKeyword, AccordError)


def test_an_opaque_answer_is_checked_where_it_is_given() -> None:
    for answer, words in (
        (np.ones(1), r"Agent 2's grad answered the shape \(1,\), and a decision has \(3,\)"),
        (np.full(3, "a"), "Agent 2's grad answered <U1, and real numbers are asked"),
        (np.array([1.0, np.nan, 1.0]), "Agent 2's grad answered 1 of 3 numbers that are NaN or infinite"),
    ):
        agents = [Opaque(value=lambda x: float(x @ x), grad=lambda x: 2 * x) for _ in range(2)]
        agents.append(Opaque(value=lambda x: float(x @ x), grad=lambda x, answer=answer: answer))
        for workers in (1, 2, 3):
            with pytest.raises(AgentError, match=f"(?s)Agent 2 failed.*{words}"):
                accord.run(
                    Problem(None, agents, x0=np.zeros(3)),
                    accord.FedSGD(0.1),
                    runtime=accord.runtimes.Threads(workers=workers),
                )


def test_a_name_controls_no_terminal_and_begins_no_mathematics(tmp_path: Path) -> None:
    names = ["$\\frac{1}{0$", "ward\x1b[2J", "half \udc80"]
    problem = accord.problems.quadratic(np.ones(3), np.arange(3.0), names=names, weights=dict.fromkeys(names, 1.0))
    assert problem.names == ("$\\frac{1}{0$", "ward\\x1b[2J", "half \\udc80")
    run = accord.run(problem, accord.FedSGD())
    assert "\x1b" not in str(run)
    page = run.report(tmp_path, agents=True).read_text(encoding="utf-8")
    assert "$\\frac{1}{0$" in page
    assert "half \\udc80" in page


def test_fedper_without_personal_columns_of_a_table_is_refused_and_takes_them_by_name() -> None:
    rows = pd.DataFrame({"farm": ["a", "a", "b", "b"], "rain": [1.0, 3, 5, 7], "crop": [2.0, 3, 6, 7]})
    problem = Problem.from_table(rows, by="farm", target="crop", model="least_squares")
    with pytest.raises(MethodError, match=r"personal=\('intercept',\)"):
        accord.run(problem, accord.FedPer())
    with pytest.raises(UnknownName, match="Did you mean 'intercept'"):
        accord.run(problem, accord.FedPer(personal=("intercpt",)))
    run = accord.run(problem, accord.FedPer(personal=("intercept",), local=accord.GradientDescent()))
    assert run.agents[0][0] == pytest.approx(run.agents[1][0], abs=1e-3)
    assert abs(run.agents[0][1] - run.agents[1][1]) > 1


def test_a_loaded_run_says_what_it_cannot_tell(tmp_path: Path) -> None:
    rows = pd.DataFrame({"farm": list("aabb") * 3, "rain": np.arange(12.0), "ill": [0, 1] * 6})
    run = accord.run(Problem.from_table(rows, by="farm", target="ill"), accord.FedSGD())
    assert "which flatter it, the model is right on" in str(run)
    run.save(tmp_path, agents=True)
    again = accord.Run.load(tmp_path)
    assert "Accuracy and AUC need the agents' rows, which are not saved with a run." in str(again.fares())


def test_a_citation_names_the_method_and_the_software_as_its_file_does() -> None:
    words = accord.run(LINE, accord.FedSGD()).citation()
    assert words.endswith(f"distributed optimisation with private data, {accord.__version__} (CITATION.cff).")


def test_subpackages_are_there_when_they_are_looked_at() -> None:
    assert accord.studies.load("sensors").name == "sensors"
    with pytest.raises(AttributeError, match="no attribute 'study'"):
        accord.study  # noqa: B018
