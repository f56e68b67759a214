"""Survival: published answers, lifelines on the pooled rows, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import multivariate_logrank_test, proportional_hazard_test
from lifelines.utils import restricted_mean_survival_time

import accord
from accord import inference
from accord.errors import DataError, DisclosureError, ProblemError, SeparationError, UnknownName
from accord.studies import dataset

ROWS = {"by": "inst", "duration": "time", "event": "event"}
FORMULA = "age + sex + ph.ecog"


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    return dataset("lung")


@pytest.fixture(scope="module")
def pooled(lung: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(lung[["inst", "time", "event", "age", "sex", "ph.ecog"]]).dropna()


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_cox_stratified_by_institution_is_that_of_the_pooled_rows(lung: pd.DataFrame, ties: str) -> None:
    fit = inference.cox(lung, **ROWS, formula=FORMULA, strata="inst", ties=ties)
    np.testing.assert_allclose(fit.params, [0.00956134, -0.54735668, 0.59725324], atol=1e-8)
    np.testing.assert_allclose(fit.bse, [0.01029185, 0.18184472, 0.13782283], atol=1e-7)
    assert fit.llf == pytest.approx(-311.249569, abs=1e-6)
    assert (fit.nobs, fit.rounds, fit.dropped) == (226, 5, {"21": 1, "no agent": 1})
    assert fit.told["query"].tolist() == ["schema", "stratified"]


@pytest.mark.parametrize(
    ("ties", "params", "errors"),
    [
        ("efron", [0.01123216, -0.55659341, 0.46921640], [0.00926211, 0.16807103, 0.11429040]),
        ("breslow", [0.01120492, -0.55582545, 0.46837866], [0.00926152, 0.16807426, 0.11428602]),
    ],
)
def test_cox_with_one_baseline_is_that_of_the_pooled_rows(
    lung: pd.DataFrame, ties: str, params: list[float], errors: list[float]
) -> None:
    fit = inference.cox(lung, **ROWS, formula=FORMULA, ties=ties)
    np.testing.assert_allclose(fit.params, params, atol=1e-8)
    np.testing.assert_allclose(fit.bse, errors, atol=1e-7)
    assert fit.rounds <= 6
    if ties == "efron":
        assert fit.llf == pytest.approx(-724.119253, abs=1e-6)


def test_concordance_is_exact_within_agents_and_bounded_over_them(lung: pd.DataFrame, pooled: pd.DataFrame) -> None:
    fit = inference.cox(lung, **ROWS, formula=FORMULA)
    for bins in (100, 2000):
        value, bound = fit.concordance_over_agents(bins=bins)
        assert abs(value - 0.63760204) <= bound + 1e-8
    assert bound < 0.005
    stratified = inference.cox(lung, **ROWS, formula=FORMULA, strata="inst")
    theirs = CoxPHFitter().fit(pooled, "time", "event", strata="inst")
    assert stratified.concordance == pytest.approx(theirs.concordance_index_, abs=1e-12)
    with pytest.raises(ProblemError, match="agreed times"):
        stratified.concordance_over_agents()


def test_proportional_hazards_are_tested_as_by_lifelines(lung: pd.DataFrame, pooled: pd.DataFrame) -> None:
    fit = inference.cox(lung, **ROWS, formula=FORMULA)
    rows = pooled.drop(columns="inst")
    theirs = proportional_hazard_test(CoxPHFitter().fit(rows, "time", "event"), rows, time_transform="log").summary
    found = fit.proportional_hazards("log").loc[theirs.index]
    np.testing.assert_allclose(found["test_statistic"], theirs["test_statistic"], rtol=1e-5)
    np.testing.assert_allclose(found["p"], theirs["p"], rtol=1e-5)
    with pytest.raises(UnknownName, match="transform of time"):
        fit.proportional_hazards("km")


def test_meta_analysis_is_off_where_a_common_fit_is_exact(lung: pd.DataFrame) -> None:
    fit = inference.cox(lung, **ROWS, formula=FORMULA, strata="inst")
    found = fit.heterogeneity()
    assert (len(found.own), len(found.unused)) == (12, 6)
    off = (found.table["meta"] / fit.params - 1).abs()
    np.testing.assert_allclose(off, [1.7614, 0.2679, 0.1283], atol=1e-4)
    alone = lung[lung["inst"] == 1].dropna(subset=["ph.ecog"])
    theirs = CoxPHFitter().fit(alone[["time", "event", "age", "sex", "ph.ecog"]], "time", "event")
    np.testing.assert_allclose(found.own.loc["1"], theirs.params_, rtol=1e-5)
    assert "12 of 18 agents" in str(found)


def _made(seed: int, ties: bool) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x, arm = random.standard_normal(150), random.choice(["a", "b"], 150)
    time = random.exponential(np.exp(-0.5 * x - 0.7 * (arm == "b")))
    ends = random.exponential(2.0, 150)
    frame = pd.DataFrame({"x": x, "arm": arm, "time": np.minimum(time, ends), "died": (time <= ends).astype(int)})
    if ties:
        frame["time"] = np.ceil(4 * frame["time"])
    return frame.assign(site=random.integers(4, size=150), ward=random.choice(["n", "s"], 150))


@pytest.mark.parametrize("covariance", ["model", "HC0", "cluster"])
def test_errors_of_cox_are_those_of_lifelines(covariance: str) -> None:
    frame = _made(0, ties=False)
    fit = inference.cox(frame, by="site", duration="time", event="died", formula="x + arm", covariance=covariance)
    rows = frame.assign(arm=(frame["arm"] == "b").astype(float))[["x", "arm", "time", "died", "site"]]
    options = {"model": {}, "HC0": {"robust": True}, "cluster": {"cluster_col": "site"}}[covariance]
    kept = rows if covariance == "cluster" else rows.drop(columns="site")
    theirs = CoxPHFitter().fit(kept, "time", "died", **options, fit_options={"precision": 1e-12})
    np.testing.assert_allclose(fit.params[["x", "arm[T.b]"]], theirs.params_[["x", "arm"]], rtol=1e-7)
    np.testing.assert_allclose(fit.bse[["x", "arm[T.b]"]], theirs.standard_errors_[["x", "arm"]], rtol=1e-6)


@pytest.mark.parametrize("strata", [None, "ward"])
def test_how_rows_are_split_makes_no_difference_to_cox(strata: str | None) -> None:
    frame, fits = _made(1, ties=True), []
    for agents in (1, 5):
        split = frame.assign(site=np.random.default_rng(2).integers(agents, size=len(frame)))
        options = {"duration": "time", "event": "died", "formula": "x * arm", "strata": strata, "covariance": "HC0"}
        fits.append(inference.cox(split, by="site", **options))
    np.testing.assert_allclose(fits[1].params, fits[0].params, rtol=1e-9)
    np.testing.assert_allclose(fits[1].cov, fits[0].cov, rtol=1e-9)
    pd.testing.assert_frame_equal(fits[1].baseline, fits[0].baseline, rtol=1e-9)
    if strata:
        rows = frame.assign(arm=(frame["arm"] == "b") * 1.0, both=frame["x"] * (frame["arm"] == "b"))
        theirs = CoxPHFitter().fit(
            rows.drop(columns="site"), "time", "died", strata="ward", fit_options={"precision": 1e-12}
        )
        np.testing.assert_allclose(np.sort(fits[1].params), np.sort(theirs.params_), rtol=1e-5)


def test_ties_within_strata_are_those_of_lifelines() -> None:
    frame = _made(1, ties=True)
    assert frame.groupby("ward")["time"].nunique().max() < 20  # of 150 rows
    fit = inference.cox(frame, by="site", duration="time", event="died", formula="x + arm", strata="ward")
    rows = frame.assign(arm=(frame["arm"] == "b").astype(float))[["x", "arm", "time", "died", "ward"]]
    theirs = CoxPHFitter().fit(rows, "time", "died", strata="ward", fit_options={"precision": 1e-12})
    np.testing.assert_allclose(fit.params[["x", "arm[T.b]"]], theirs.params_[["x", "arm"]], rtol=1e-10)
    np.testing.assert_allclose(fit.bse[["x", "arm[T.b]"]], theirs.standard_errors_[["x", "arm"]], rtol=1e-8)
    assert fit.llf == pytest.approx(theirs.log_likelihood_, rel=1e-12)


def test_peers_reach_the_same_cox_model_by_gossip() -> None:
    frame = _made(3, ties=True)
    options = {"by": "site", "duration": "time", "event": "died", "formula": "x + arm", "strata": "site"}
    server = inference.cox(frame, **options)
    ring = inference.cox(frame, **options, network=accord.networks.ring(4))
    np.testing.assert_allclose(ring.params, server.params, rtol=1e-10)
    np.testing.assert_allclose(ring.cov, server.cov, rtol=1e-9)


def test_the_survival_curve_is_that_of_all_patients(lung: pd.DataFrame) -> None:
    every = lung.fillna({"inst": 0})
    found = inference.kaplan_meier(every, **ROWS)
    np.testing.assert_allclose(
        found.survival_at([180, 365, 700])["all"], [0.72167065, 0.40924162, 0.14239151], atol=1e-8
    )
    assert found.median_survival_time["all"] == 310
    theirs = KaplanMeierFitter().fit(every["time"], every["event"])
    own = found.table.set_index("time")
    bounds = theirs.confidence_interval_.loc[own.index]
    np.testing.assert_allclose(own[["lower", "upper"]], bounds, rtol=1e-9)
    by_sex = inference.kaplan_meier(every, **ROWS, groups="sex")
    assert by_sex.median_survival_time.to_dict() == {"1": 270, "2": 426}
    men = every[every["sex"] == 1]
    mean = restricted_mean_survival_time(KaplanMeierFitter().fit(men["time"], men["event"]), 500)
    assert by_sex.rmst(500).loc["1", "rmst"] == pytest.approx(mean, rel=1e-12)
    assert "median 310 (" in str(found)
    assert len(by_sex.plot().axes) == 1


def test_groups_are_compared_by_the_log_rank_test(lung: pd.DataFrame) -> None:
    found = inference.logrank(lung.fillna({"inst": 0}), **ROWS, groups="sex")
    assert found.statistic == pytest.approx(10.326741954886, abs=1e-10)
    assert found.pvalue == pytest.approx(0.0013111646, abs=1e-10)
    whole = lung.dropna(subset=["inst", "ph.ecog"])
    several = inference.logrank(whole, **ROWS, groups="ph.ecog")
    theirs = multivariate_logrank_test(whole["time"], whole["ph.ecog"], whole["event"])
    assert (several.statistic, several.df) == (pytest.approx(theirs.test_statistic, rel=1e-9), 3)


def test_a_stratified_log_rank_test_is_the_score_test_of_a_stratified_cox_model() -> None:
    frame = _made(4, ties=False)
    found = inference.logrank(frame, by="site", duration="time", event="died", groups="arm", strata="site")
    fit = inference.cox(frame, by="site", duration="time", event="died", formula="arm", strata="site")
    _, score, information = fit.sums.total("stratified", fit.design, np.zeros(1))
    assert found.statistic == pytest.approx(score[0] ** 2 / information[0], rel=1e-9)


def test_what_cannot_be_compared_is_named(lung: pd.DataFrame) -> None:
    frame = _made(5, ties=False)
    options = {"by": "site", "duration": "time", "event": "died"}
    with pytest.raises(DataError, match="neither 0 nor 1 in"):
        inference.cox(frame.assign(died=2), **options, formula="x")
    with pytest.raises(ProblemError, match="No agent has an event"):
        inference.kaplan_meier(frame.assign(died=0), **options)
    with pytest.raises(SeparationError, match=r"'arm\[T.b\]' is infinite"):
        inference.cox(frame.assign(died=frame["died"] * (frame["arm"] == "a")), **options, formula="arm", strata="site")
    with pytest.raises(DisclosureError, match="'1' refuses to tell the times of single events"):
        inference.cox(frame, **options, formula="x", limits={"1": inference.Limits()})
    assert inference.cox(frame, **options, formula="x", strata="site", limits=inference.Limits()).nobs == 150
    with pytest.raises(UnknownName, match="way to treat ties"):
        inference.cox(frame, **options, formula="x", ties="exact")
    with pytest.raises(ProblemError, match="has one group"):
        inference.logrank(frame.assign(arm="a"), **options, groups="arm")


def test_a_cox_model_prints_itself(lung: pd.DataFrame) -> None:
    fit = inference.cox(lung, **ROWS, formula=FORMULA, strata="inst")
    assert "163 events" in str(fit)
    assert "hazard ratio" in str(fit)
    assert fit.hazard_ratios().loc["sex", "ratio"] == pytest.approx(np.exp(-0.54735668))
    assert fit.test("age = 0").df == 1
    assert len(fit.plot().axes) == 3
