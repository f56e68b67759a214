"""How agents and groups fare, what a cap costs and whom, and caps that no model meets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import accord
from accord.core.status import Status
from accord.errors import MethodError, ProblemError, UnknownName
from accord.fairness import capped, fairness_chapters, fares, least_excess, trade_off
from accord.fairness.predictions import auc_pairs, own_losses
from accord.results.run import Run

THREE = {"H": [1.0, 1.0, 1.0], "c": [0.0, 0.0, 3.0], "names": ["a", "b", "far"]}
LONG = accord.Stop(rounds=400, progress=1e-12)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    random = np.random.default_rng(0)
    age, sex = random.normal(50, 10, 90), random.choice(["f", "m"], 90)
    ill = (age + 8 * random.standard_normal(90) + 6 * (sex == "m") > 54).astype(int)
    return pd.DataFrame(
        {"clinic": np.repeat(["north", "south", "west"], [50, 30, 10]), "age": age, "sex": sex, "ill": ill}
    )


@pytest.fixture(scope="module")
def run(frame: pd.DataFrame) -> Run:
    problem = accord.Problem.from_table(frame, by="clinic", target="ill", l2=0.01)
    return accord.run(problem, accord.FedSGD(), stop=accord.Stop(rounds=100))


def _probabilities(run: Run, frame: pd.DataFrame) -> np.ndarray:
    return 1 / (1 + np.exp(-run.problem.table.encode(frame) @ run.x))


def test_each_agent_fares_as_its_own_rows_say(run: Run, frame: pd.DataFrame) -> None:
    table = fares(run, alone=True).table
    np.testing.assert_allclose(table["loss"], run.losses)
    for name, own in frame.groupby("clinic"):
        right = (_probabilities(run, own) > 0.5) == own["ill"]
        assert table.loc[name, "accuracy"] == pytest.approx(right.mean())
        score, ill = _probabilities(run, own), own["ill"].to_numpy()
        wins = (score[ill == 1][:, None] > score[ill == 0]).mean()  # what an AUC is
        assert table.loc[name, "AUC"] == pytest.approx(wins)
    assert (table["gives_up"] > 0).all()


def test_groups_by_any_column_add_up_to_all_rows(run: Run, frame: pd.DataFrame) -> None:
    for column, groups in (("sex", ["f", "m"]), ("ill", ["ill 0", "ill 1"])):
        table = run.fares(column).table
        assert list(table.index) == groups
        assert table["examples"].sum() == 90
        losses = -np.log(np.where(frame["ill"] == 1, p := _probabilities(run, frame), 1 - p))
        penalty = 0.005 * float(run.x[:-1] @ run.x[:-1])  # of all but the intercept
        expected = [losses[frame[column] == value].mean() + penalty for value in sorted(frame[column].unique())]
        np.testing.assert_allclose(table["loss"], expected, rtol=1e-9)
    assert list(run.fares("clinic").table.index) == ["north", "south", "west"]


def test_numbers_are_cut_where_agents_told_their_mean(run: Run, frame: pd.DataFrame) -> None:
    table = run.fares("age").table
    mean, scale = frame["age"].mean(), frame["age"].std(ddof=0)
    below = int((frame["age"] <= mean - scale).sum())
    assert table["examples"].iloc[0] == below
    assert len(table) == 4


def test_who_cannot_be_grouped_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"'sxe'.*'sex'"):
        run.fares("sxe")
    run.save(tmp_path, agents=True)
    loaded = Run.load(tmp_path)
    np.testing.assert_array_equal(loaded.fares().table["loss"], run.losses)
    with pytest.raises(ProblemError, match="no table whose column 'sex'"):
        loaded.fares("sex")


def test_many_agents_are_told_by_tenths() -> None:
    problem = accord.problems.quadratic(H=np.ones(40), c=np.arange(40.0))
    found = accord.run(problem, accord.FedSGD(), stop=accord.Stop(rounds=20)).fares()
    losses = np.sort((19.5 - np.arange(40)) ** 2 / 2)
    np.testing.assert_allclose(found.deciles, np.quantile(losses, np.linspace(0, 1, 11)), atol=1e-9)
    assert found.bottom_tenth == pytest.approx(losses[-4:].mean())
    assert found.spread == pytest.approx(losses.std())
    assert "the tenth that is worst off loses 181 on average" in str(found)
    assert len(found.plot().axes) == 1


def test_ties_of_the_auc_count_half() -> None:
    assert auc_pairs(np.array([0.5, 0.5]), np.array([0, 1])) == (0.5, 1.0)
    assert auc_pairs(np.array([0.1, 0.2]), np.array([1, 1])) == (0.0, 0.0)


def test_a_run_prints_who_fares_how(run: Run) -> None:
    assert "best off agent" in str(run)
    assert "Of the rows that it was made from, which flatter it, the model is right on" in str(run)


def test_the_chapters_of_a_report(run: Run, tmp_path: Path) -> None:
    titles = [chapter.title for chapter in fairness_chapters(run, "sex")]
    assert titles == ["How each agent fares", "How groups fare, by sex"]
    page = run.report(tmp_path, agents=True).read_text()
    assert "How each agent fares" in page
    assert "loss alone" in page


# Caps.


def test_one_cap_an_agent_by_name_and_in_order() -> None:
    """F = mean of ½(x−c_k)², least at x = 1; a may lose 0.405, so x ≤ 0.9."""
    problem = accord.problems.quadratic(**THREE)
    bound = accord.run(problem, accord.LossCaps(cap={"a": 0.405}), stop=LONG)
    assert float(bound.x) == pytest.approx(0.9, abs=1e-6)
    assert bound.prices is not None
    np.testing.assert_allclose(bound.prices, [1 / 9, 0, 0], atol=1e-6)  # F' = (3x−3)/3 = −0.1 = −λ x
    again = accord.run(problem, accord.LossCaps(cap=[0.405, np.inf, np.inf]), stop=LONG)
    np.testing.assert_allclose(again.x, bound.x, atol=1e-12)
    threads = accord.run(problem, accord.LossCaps(cap={"a": 0.405}), stop=LONG, runtime=accord.runtimes.Threads())
    np.testing.assert_allclose(threads.x, bound.x, atol=1e-9)


@pytest.mark.parametrize("cap", [1.0, [1.0, 1.0, 1.0]])
def test_an_impossible_cap_is_recognised_and_the_least_named(cap: object) -> None:
    """The minimax of c = (0, 0, 3) is 1.125, at x = 1.5."""
    run = accord.run(accord.problems.quadratic(**THREE), accord.LossCaps(cap=cap), stop=LONG)
    assert not run.converged
    assert "no model keeps every agent's loss at or below them; the least possible cap is 1.125" in run.reason


def test_impossible_caps_that_differ_tell_by_how_much() -> None:
    """x²/2 ≤ 0.5 and (3−x)²/2 ≤ 0.5 + s for both at s = 0.625, x = 1.5; so caps of 0.5 lack 0.625."""
    run = accord.run(accord.problems.quadratic(**THREE), accord.LossCaps(cap={"a": 0.5, "far": 0.5}), stop=LONG)
    assert "every cap would have to be raised by 0.625" in run.reason


def test_caps_that_are_only_not_met_yet_say_so() -> None:
    run = accord.run(accord.problems.quadratic(**THREE), accord.LossCaps(cap=1.2), stop=accord.Stop(rounds=2))
    assert not run.converged
    assert "ended before the caps were met: agent far still loses" in run.reason


def test_caps_that_make_no_sense_are_refused() -> None:
    problem = accord.problems.quadratic(**THREE)
    with pytest.raises(UnknownName, match=r"'fra'.*'far'"):
        accord.run(problem, accord.LossCaps(cap={"fra": 1.0}))
    for cap in ([1.0, 2.0], [1.0, -1.0, 1.0], [1.0, np.nan, 1.0], "much"):
        with pytest.raises(MethodError, match="LossCaps has cap="):
            accord.run(problem, accord.LossCaps(cap=cap))
    with pytest.raises(MethodError, match="'x' is no number"):
        capped(["x"], ["a"])
    assert capped(["0.5"], ["a", "b"]).cap == 0.5


def test_the_minimax_is_the_reference_case() -> None:
    found = least_excess(accord.problems.quadratic(**THREE))
    assert found.excess == pytest.approx(1.125, abs=1e-8)
    np.testing.assert_allclose(found.losses, 1.125, atol=1e-7)


def test_the_price_is_the_slope_of_the_trade_off() -> None:
    """For x between 1 and 1.5: cap c = (3−x)²/2, F = x²/3 + (3−x)²/6, λ = −dF/dc = (x−1)/(3−x)."""
    found = trade_off(accord.problems.quadratic(**THREE), caps=4)
    table = found.table
    x = 3 - np.sqrt(2 * table["largest"].to_numpy())
    np.testing.assert_allclose(table["objective"], x**2 / 3 + (3 - x) ** 2 / 6, atol=1e-6)
    np.testing.assert_allclose(table["far"][1:], ((x - 1) / (3 - x))[1:], atol=1e-4)
    assert found.least == pytest.approx(1.125, abs=1e-8)
    assert len(found.plot().axes) == 2
    assert "No model keeps every agent below 1.125" in str(found)


@pytest.mark.parametrize("unit", [2.0**-60, 2.0**60])
def test_caps_are_judged_in_the_units_of_the_losses(unit: float) -> None:
    small = accord.problems.quadratic(H=np.array(THREE["H"]) * unit, c=THREE["c"], names=THREE["names"])
    run = accord.run(small, accord.LossCaps(cap=1.0 * unit), stop=LONG)
    assert run.status is Status.CAPS_IMPOSSIBLE
    found = least_excess(small)
    assert found.settled
    assert found.excess / unit == pytest.approx(1.125, abs=1e-8)


@pytest.mark.parametrize("unit", [1.0, 2.0**60])
def test_an_agent_that_begins_at_its_own_optimum_is_there_in_any_units(unit: float) -> None:
    """Its gradient at 0 is a sum that rounding keeps from being 0."""
    X, y = np.tile([0.1, 0.2, 0.3], 2)[:, None] * unit, np.repeat([1, 0], 3)
    found = own_losses(accord.problems.logistic([(X, y), (X, np.array([1, 0, 1, 0, 1, 1]))]))
    assert found[0] == pytest.approx(np.log(2))
    assert found[1] < np.log(2)
