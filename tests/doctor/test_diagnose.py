"""The doctor: what it measures, what it foresees, and that a run agrees; and that no agent needs another's rows."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest

import accord
from accord.doctor import diagnose
from accord.doctor.findings import ROUGHLY
from accord.doctor.measures import measure
from accord.doctor.rates import longest_delay
from accord.errors import MethodError, NetworkError, ProblemError
from accord.problems.population.in_memory import Population
from accord.problems.population.queries import local_update, local_update_jvp
from accord.studies import load

pytestmark = pytest.mark.slow  # its predictions are confirmed by runs

H, C = np.array([1.0, 10.0, 4.0]), np.array([0.0, 1.0, -2.0])


@pytest.fixture(scope="module")
def springs() -> accord.Diagnosis:
    return diagnose(accord.problems.quadratic(H=H, c=C), check=True, local_steps=[10])


@pytest.fixture(scope="module")
def hospitals() -> accord.Diagnosis:
    return diagnose(load("hospitals").problem, check=True, local_steps=[5])


def test_a_quadratic_is_measured_in_closed_form(springs: accord.Diagnosis) -> None:
    optimum = H @ C / H.sum()
    gradients = H * (optimum - C)
    table = springs.table
    np.testing.assert_allclose(table["gradient"], np.abs(gradients), atol=1e-12)
    np.testing.assert_allclose(table["together"], H * (optimum - C) ** 2 / 2, atol=1e-12)
    np.testing.assert_allclose(table["alone"], 0, atol=1e-12)
    np.testing.assert_allclose(table["distance"], np.abs(optimum - C), atol=1e-12)
    np.testing.assert_allclose(springs.B, (gradients**2).mean(), atol=1e-12)
    assert springs.delta == pytest.approx(H.std(), abs=1e-12)
    np.testing.assert_array_equal(springs.conflict.round(12), np.sign(np.outer(gradients, gradients)))


def test_the_floor_of_a_quadratic_is_its_closed_form_and_what_a_run_measures(springs: accord.Diagnosis) -> None:
    a = 1 - (1 - H / H.max()) ** 10  # a_k of REFERENCE: Σ a_k c_k / Σ a_k
    closed = abs(a @ C / a.sum() - H @ C / H.sum())
    floor = springs.floors.loc[10]
    assert floor["predicted"] == pytest.approx(closed, abs=1e-12)
    assert floor["by_hessians_alone"] == pytest.approx(closed, abs=1e-12)
    assert floor["measured"] == pytest.approx(closed, abs=1e-9)


def test_the_known_fixed_point_of_fedavg() -> None:
    with jax.enable_x64(True):
        from accord.doctor.floors import floor

        agents = Population(accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0]))
        found = floor(agents, np.array([10 / 11]), 0.0, np.zeros(1), 0.05, 10)
    assert found.distance == pytest.approx(10 / 11 - 0.713442170, abs=1e-9)


@pytest.mark.slow
def test_floors_on_the_hospitals_agree_with_a_run(hospitals: accord.Diagnosis) -> None:
    floor = hospitals.floors.loc[5]
    assert floor["predicted"] == pytest.approx(floor["measured"], rel=0.01)
    assert floor["by_hessians_alone"] == pytest.approx(floor["measured"], rel=0.1)
    assert floor["predicted_above"] == pytest.approx(floor["measured_above"], rel=0.02)


@pytest.mark.slow
def test_rounds_on_the_hospitals_agree_with_a_run(hospitals: accord.Diagnosis) -> None:
    """By the curvature at x*, where the risk is 13 % and the free intercept is curved by 0.11; at the start by 0.25."""
    rounds = hospitals.rounds
    assert rounds.loc["FedSGD", "measured"] < rounds.loc["FedSGD", "predicted"]  # it begins where all is more curved
    assert rounds.loc["FedSGD", "predicted"] == pytest.approx(rounds.loc["FedSGD", "measured"], rel=ROUGHLY)
    assert rounds.loc["Newton", "predicted"] == rounds.loc["Newton", "measured"] == 3
    assert np.isnan(rounds.loc["Scaffnew", "predicted"])  # the intercept is free: agents alone are not strongly convex


@pytest.mark.parametrize("which", ["springs", "hospitals"])
def test_limits_of_staleness_are_confirmed_by_runs(which: str, request: pytest.FixtureRequest) -> None:
    delays = request.getfixturevalue(which).delays
    assert delays["stable_below"].all()
    assert delays["unstable_above"].all()


@pytest.mark.parametrize("unit", [2.0**-30, 2.0**30])
def test_limits_of_staleness_are_confirmed_in_any_units(unit: float) -> None:
    random = np.random.default_rng(0)
    shards = [(random.normal(size=(9, 2)) * unit, random.integers(0, 2, 9)) for _ in range(3)]
    found = diagnose(accord.problems.logistic(shards, l2=0.1 * unit**2), check=True, local_steps=[2]).delays
    assert found["stable_below"].all()
    assert found["unstable_above"].all()


def test_longest_delay_of_the_reference_case() -> None:
    assert [longest_delay(step, 1.0) for step in (2.1, 1.5, 0.99, 0.6, 0.28)] == [-1, 0, 1, 2, 5]


def test_agents_asked_apart_answer_the_same() -> None:
    """Nothing is computed from the rows of two agents: each alone, with nothing but its own, gives the same."""
    random = np.random.default_rng(0)
    shards = [(random.standard_normal((n, 2)), random.integers(0, 2, n)) for n in (6, 3)]
    problem = accord.problems.logistic(shards, l2=0.1)
    with jax.enable_x64(True):
        together, apart = Population(problem), Population(problem, apart=True)
        one, other = (measure(problem, agents, np.zeros(2)) for agents in (together, apart))
        np.testing.assert_allclose(one.common.x, other.common.x, rtol=1e-10)
        np.testing.assert_allclose(one.conflict, other.conflict, rtol=1e-7)
        np.testing.assert_array_equal(one.labels, other.labels)
        a, tau = np.float64(0.1), np.int32(3)
        for question, heard in (
            (local_update, (np.ones(2), a, tau)),
            (local_update_jvp, (np.ones(2), np.ones(2), a, tau)),
        ):
            np.testing.assert_allclose(together.ask(question, *heard), apart.ask(question, *heard), rtol=1e-12)
    assert {words: said.said for words, said in together.said.items()}.keys() == apart.said.keys()


def test_what_leaves_an_agent_is_counted(hospitals: accord.Diagnosis) -> None:
    said = hospitals.said
    d = hospitals.context.size
    assert said.loc["Its Hessian times a vector", "said"] == 8 * d * said.loc["Its Hessian times a vector", "times"]
    assert said.loc["Its loss at its own optimum, and how far that is from the common one", "said"] == 3 * 8
    assert said["said"].sum() < 100_000  # bytes, of an agent: a round of FedAvg among a thousand sends twice as much


def test_agents_that_agree_have_no_conflict() -> None:
    found = diagnose(accord.problems.quadratic(H=[1.0, 3.0], c=[2.0, 2.0]), local_steps=[5])
    assert abs(found.B) < 1e-24
    assert found.floors.loc[5, "predicted"] == pytest.approx(0, abs=1e-12)
    assert "no bias at all" in str(found)


def test_over_a_network_rounds_are_those_of_its_slowest_mode() -> None:
    """Agents of one Hessian, where the theory is exact: a run takes as many rounds, but for its start."""
    problem = accord.problems.quadratic(H=np.full(6, 2.0), c=np.arange(6.0))
    found = diagnose(problem, accord.networks.ring(6), check=True, local_steps=[2])
    first_order = found.rounds.loc[["NIDS", "GradientTracking"]]
    assert set(found.rounds.index) == {*first_order.index, "NewtonConsensus"}
    assert (first_order["measured"] <= first_order["predicted"] + 1).all()
    assert "γ" in str(found)


def test_a_diagnosis_prints_draws_and_reports(hospitals: accord.Diagnosis, tmp_path: object) -> None:
    words = str(hospitals)
    assert "Michigan and Indiana pull against each other" in words
    assert "Advice: for a good model soon, FedAvg" in words
    assert "no row" in words
    assert len(hospitals.plot().axes) == 4
    page = hospitals.report(str(tmp_path), title="Four hospitals").read_text()
    assert "<h1>Four hospitals</h1>" in page
    assert page.count("data:image/svg+xml") == 3
    summary = hospitals.summary()
    assert summary["floors"][0]["local_steps"] == 5
    assert math.isclose(summary["B"], hospitals.B)


def test_what_the_doctor_cannot_examine_is_refused() -> None:
    quadratic = accord.problems.quadratic(H=[1.0, 2.0], c=[0.0, 1.0])
    rows = [(np.eye(2), np.array([0, 1]))] * 2
    dispatch = accord.problems.dispatch([1.0, 1.0], [0.0, 0.0], [0.0, 0.0], None, None, demand=1.0)
    for problem, words in (
        (dispatch, "share a constraint"),
        (accord.problems.svm(rows, l2=0.1), "no curvature"),
        (accord.problems.lasso(rows, l1=0.1), "L1 has no gradient"),
        (accord.Problem(None, [accord.Opaque(lambda x: 0.0)] * 2, x0=np.zeros(1)), "opaque"),
    ):
        with pytest.raises((ProblemError, MethodError), match=words):
            diagnose(problem)
    with pytest.raises(NetworkError, match="has 3 agents, but the problem has 2"):
        diagnose(quadratic, accord.networks.ring(3))
    with pytest.raises(MethodError, match="local_steps"):
        diagnose(quadratic, local_steps=[0])
    with pytest.raises(MethodError, match="share=2"):
        diagnose(quadratic, share=2)
    with pytest.raises(ProblemError, match="No minimum was found"):
        diagnose(accord.Problem(lambda x, row: -row * x[0] ** 2, [np.ones(1), np.ones(2)], x0=np.ones(1)))
