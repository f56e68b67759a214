"""Bad data and bad problems: refused at the door with the agent and the number, or survived with nothing lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import accord
from accord import Problem, problems
from accord.errors import DataError, ProblemError, UnknownName
from accord.problems.agent import Agent
from accord.problems.centralised import optimal_value
from tests.problems.samples import answers, labelled, numbered

LONG = accord.Stop(rounds=20_000, progress=1e-14, agreement=1e-14)


def with_agent(k: int, features: Any = None, targets: Any = None) -> list[Any]:
    """Three agents, of whom one has other data."""
    shards = labelled()
    shards[k] = (shards[k][0] if features is None else features, shards[k][1] if targets is None else targets)
    return shards


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_fault_01_not_a_number_names_agent_and_field(bad: float) -> None:
    features = labelled()[2][0].copy()
    features[4, 1] = bad
    with pytest.raises(DataError, match=r"Agent 2: features holds 1 values that are NaN or infinite, .* \(4, 1\)"):
        problems.logistic(with_agent(2, features))
    targets = np.array([bad])
    with pytest.raises(DataError, match="Agent 1: targets holds 1 values"):
        problems.least_squares([numbered()[0], (numbered()[1][0], targets)])


def test_fault_01_missing_in_a_table_names_column_agent_and_count() -> None:
    table = pd.DataFrame({"site": list("AABB"), "dose": [1.0, 2, None, None], "well": [0, 1, 0, 1]})
    with pytest.raises(DataError, match="Agent 'B': column 'dose' has 2 missing values"):
        Problem.from_table(table, by="site", target="well")


@pytest.mark.usefixtures("float64")
def test_fault_02_an_agent_without_samples_weighs_nothing() -> None:
    empty = (np.zeros((0, 3)), np.zeros(0))
    problem = problems.least_squares([*numbered(), empty], l2=0.1)
    assert problem.weights[3] == 0
    assert answers(problem, Agent.value, np.ones(3))[3] == 0  # the mean of none, not 0/0
    assert answers(problem, Agent.grad, np.ones(3))[3].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "method", [accord.FedSGD(), accord.FedAvg(local=accord.GradientDescent(steps=3, step_size=0.01))]
)
def test_fault_02_an_agent_without_samples_changes_no_run(method: Any) -> None:
    empty, stop = (np.zeros((0, 3)), np.zeros(0)), accord.Stop(rounds=30, progress=0)
    without = accord.run(problems.least_squares(numbered(), l2=0.1), method, stop=stop)
    among = accord.run(problems.least_squares([empty, *numbered()], l2=0.1), method, stop=stop)
    np.testing.assert_allclose(among.x, without.x, rtol=1e-13)
    assert np.isnan(among.losses).tolist() == [True, False, False, False]
    assert among.worst_agent != "0"


def test_fault_02_an_agent_without_samples_relays_among_peers() -> None:
    shards = [numbered()[0], (np.zeros((0, 3)), np.zeros(0)), numbered()[2]]
    problem = problems.least_squares(shards, l2=0.1)
    run = accord.run(problem, accord.GradientTracking(), network=accord.networks.path(3), stop=LONG)
    np.testing.assert_allclose(run.x, problem.solve(), atol=1e-6)


def test_fault_03_nobody_has_data() -> None:
    with pytest.raises(DataError, match="All 2 agents have zero examples"):
        problems.least_squares([(np.zeros((0, 3)), np.zeros(0))] * 2)


def test_fault_04_another_dimension_on_one_agent() -> None:
    with pytest.raises(DataError, match=r"Agent 1: an example of features has shape \(2,\), the others' has \(3,\)"):
        problems.logistic(with_agent(1, features=np.ones((1, 2))))


def test_fault_05_labels_out_of_range() -> None:
    with pytest.raises(
        DataError, match=r"Agent 1: targets hold 1 labels that are not whole numbers from 0 to 1, .* is 2"
    ):
        problems.logistic(with_agent(1, targets=np.array([2])))
    with pytest.raises(DataError, match=r"Agent 1: targets hold 1 labels .* from 0 to 3, .* is 0\.5"):
        problems.softmax(with_agent(1, targets=np.array([0.5])), classes=4)
    with pytest.raises(DataError, match="the first is -1"):
        problems.svm(with_agent(1, targets=np.array([-1])), l2=0.1)


def test_fault_05_a_dtype_that_is_no_number_or_not_the_others() -> None:
    with pytest.raises(DataError, match="Agent 1: features has dtype <U1"):
        problems.logistic(with_agent(1, features=np.array([["a", "b", "c"]])))
    with pytest.raises(DataError, match="Agent 1: features has dtype object"):
        problems.logistic(with_agent(1, features=np.array([[1, 2, None]])))
    with pytest.raises(DataError, match="Agent 1: features has dtype float32, the others' has float64"):
        problems.logistic(with_agent(1, features=np.ones((1, 3), np.float32)))


def test_fault_06_one_sample_constant_features_and_flat_directions_are_survived() -> None:
    random = np.random.default_rng(0)
    one = (np.array([[1.0, 5.0, 2.0]]), np.array([1.0]))
    constant = (np.column_stack([random.normal(size=8), np.full((8, 2), 5.0)]), random.normal(size=8))
    nothing = (np.zeros((4, 3)), np.zeros(4))
    problem = problems.least_squares([one, constant, nothing])
    assert [problem.loss.bounds(shard).mu for shard in problem.shards] == [0, 0, 0]
    run = accord.run(problem, accord.FedSGD(), stop=LONG)
    assert run.history["objective"].iloc[-1] == pytest.approx(optimal_value(problem), abs=1e-9)
    peers = accord.run(problem, accord.GradientTracking(), network=accord.networks.complete(3), stop=LONG)
    assert peers.history["objective"].iloc[-1] == pytest.approx(optimal_value(problem), abs=1e-6)


def test_fault_06_a_constant_column_of_a_table_is_kept_and_is_no_noise() -> None:
    table = pd.DataFrame(
        {"site": list("AABB"), "dose": [1.0, 2, 3, 5], "lab": [0.1] * 4, "ward": ["x"] * 4, "well": [0, 1, 0, 1]}
    )
    problem = Problem.from_table(table, by="site", target="well", least=1)
    assert problem.table.columns == ("dose", "lab", "ward=x", "intercept")
    assert np.abs(np.concatenate([a for a, _ in problem.shards])[:, 1:3]).max() < 1e-15
    assert np.isfinite(problem.solve()).all()


def test_fault_07_what_overflows_when_squared_is_refused_with_the_number() -> None:
    features = np.array([[1.0, 1e30, 0.0]], np.float32)
    shards = [tuple(v.astype(np.float32) for v in shard) for shard in numbered()]
    with pytest.raises(DataError, match=r"Agent 3: features holds 1e\+30, whose square overflows float32"):
        problems.least_squares([*shards, (features, np.ones(1, np.float32))])
    with pytest.raises(DataError, match=r"Agent 0: features holds 1e\+200, whose square overflows float64"):
        problems.least_squares([(np.array([[1e200]]), np.ones(1))])


def test_fault_07_a_run_in_single_precision_refuses_data_that_do_not_fit() -> None:
    problem = problems.least_squares([(np.array([[1e30], [1.0]]), np.ones(2))])
    with pytest.raises(DataError, match=r"Agent 0: features holds 1e\+30, whose square overflows float32"):
        accord.run(problem, accord.FedSGD(), x0=np.zeros(1, np.float32))
    market = accord.Coupled(lambda x, a: (a * x**2).sum(), [np.ones(1)] * 2, A=[1e30, 1.0], b=1.0)
    with pytest.raises(ProblemError, match=r"coupling's A holds 1e\+30, whose square overflows float32"):
        accord.run(market, accord.DualDecomposition(step_size=0.1), x0=np.zeros(1, np.float32))


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_fault_07_extreme_units_are_survived_in_double_precision(unit: float) -> None:
    shards = [(a[:, :1] * unit, b) for a, b in numbered()]
    problem = problems.least_squares(shards)
    run = accord.run(problem, accord.FedSGD(), stop=accord.Stop(rounds=300, progress=0))
    assert np.isfinite(run.history["objective"]).all()
    np.testing.assert_allclose(run.x, problem.solve(), rtol=1e-6)


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_fault_07_a_table_standardises_any_unit_away(unit: float) -> None:
    table = pd.DataFrame({"site": list("AABB"), "dose": np.array([1.0, 2, 3, 5]), "well": [0, 1, 0, 1]})
    plain = Problem.from_table(table, by="site", target="well")
    other = Problem.from_table(table.assign(dose=table["dose"] * unit), by="site", target="well")
    for (a, _), (b, _) in zip(plain.shards, other.shards, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_fault_08_an_agent_id_that_occurs_twice() -> None:
    with pytest.raises(ProblemError, match="agent id 'A' occurs 2 times"):
        problems.least_squares(numbered(), names=["A", "B", "A"])
    table = pd.DataFrame({"site": [1, "1", 1, 2], "dose": [1.0, 2, 3, 5], "well": [0, 1, 0, 1]})
    with pytest.raises(ProblemError, match="agent id '1' occurs 2 times"):
        Problem.from_table(table, by="site", target="well")


def test_fault_09_an_agent_id_that_nobody_has() -> None:
    names = ["Michigan", "Indiana", "Kentucky"]
    with pytest.raises(UnknownName, match=r"No agent is called 'Indana'\. Did you mean 'Indiana'\?"):
        problems.least_squares(numbered(), names=names, weights={"Michigan": 1, "Indana": 1, "Kentucky": 1})
    with pytest.raises(ProblemError, match="no weight for agent 'Kentucky'"):
        problems.least_squares(numbered(), names=names, weights={"Michigan": 1, "Indiana": 1})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -0.5, 1.0], r"Agent 1 has the weight -0\.5"),
        ([1.0, 1.0, np.nan], "Agent 2 has the weight nan"),
        ([np.inf, 1.0, 1.0], "Agent 0 has the weight inf"),
        ([1e300, 1.0, 1.0], r"Agent 1 has the weight 1, which beside 1e\+300 is lost to rounding"),
        ([0.0, 0.0, 0.0], "All weights are zero"),
        ([1.0, 1.0], "2 weights for 3 agents"),
    ],
)
def test_fault_10_weights_that_are_none(weights: list[float], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        problems.least_squares(numbered(), weights=weights)


def test_fault_10_a_weight_without_samples_and_large_weights() -> None:
    with pytest.raises(ProblemError, match=r"Agent 0 has the weight 1\.0, but no examples"):
        problems.least_squares([(np.zeros((0, 3)), np.zeros(0)), *numbered()], weights=np.ones(4))
    large = problems.least_squares(numbered(), weights=[1.5e308, 1.5e308, 0.0])
    assert large.weights.tolist() == [0.5, 0.5, 0.0]
