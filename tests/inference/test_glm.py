"""Generalised linear models: published answers, statsmodels on the pooled rows, and what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.tools.sm_exceptions import DomainWarning

import accord
from accord import inference
from accord.errors import (
    DataError,
    DisclosureError,
    MethodError,
    NetworkError,
    ProblemError,
    SeparationError,
    UnknownName,
)
from accord.studies import dataset

TRIAL = "pancreatitis ~ indomethacin + age + female + pep + sod"
COEFFICIENTS = [-1.19683709, -0.72788229, -0.00969187, -0.00238010, 0.90667387, -0.17022986]


@pytest.fixture(scope="module")
def hospitals() -> pd.DataFrame:
    return dataset("hospitals")


@pytest.fixture(scope="module")
def trial(hospitals: pd.DataFrame) -> inference.GLM:
    return inference.glm(hospitals, by="hospital", formula=TRIAL, family="binomial")


def test_the_trial_has_its_published_effect(hospitals: pd.DataFrame) -> None:
    fit = inference.glm(hospitals, by="hospital", formula="pancreatitis ~ indomethacin", family="binomial")
    np.testing.assert_allclose(fit.params, [-1.59001983, -0.70513029], atol=1e-8)
    np.testing.assert_allclose(fit.bse, [0.15215892, 0.25282547], atol=1e-7)
    assert fit.pvalues["indomethacin"] == pytest.approx(0.0052871031, abs=1e-9)
    assert fit.llf == pytest.approx(-229.94100509, abs=1e-8)
    ratio = fit.odds_ratios().loc["indomethacin"]
    np.testing.assert_allclose(ratio[["ratio", "lower", "upper"]], [0.4940, 0.3010, 0.8109], atol=1e-4)
    assert list(fit.params.index) == ["Intercept", "indomethacin"]
    assert fit.rounds <= 6


@pytest.mark.parametrize(
    ("covariance", "correction", "errors"),
    [
        ("model", True, [0.56684346, 0.25698393, 0.00954603, 0.32195116, 0.28449921, 0.32679600]),
        ("HC0", True, [0.56960904, 0.25732759, 0.00933438, 0.31768569, 0.28778144, 0.32055794]),
        ("cluster", False, [0.56004021, 0.10225704, 0.00623792, 0.12726141, 0.07005118, 0.14936845]),
        ("cluster", True, [0.64938565, 0.11857050, 0.00723309, 0.14756392, 0.08122672, 0.17319780]),
    ],
)
def test_standard_errors_of_the_trial_are_those_of_the_pooled_rows(
    hospitals: pd.DataFrame, covariance: str, correction: bool, errors: list[float]
) -> None:
    fit = inference.glm(
        hospitals, by="hospital", formula=TRIAL, family="binomial", covariance=covariance, correction=correction
    )
    np.testing.assert_allclose(fit.params, COEFFICIENTS, atol=1e-8)
    np.testing.assert_allclose(fit.bse, errors, atol=1e-7)
    assert fit.llf == pytest.approx(-224.1344025228, abs=1e-8)
    assert fit.rounds <= 6


def test_hospital_intercepts_are_those_of_the_pooled_rows(hospitals: pd.DataFrame) -> None:
    three = hospitals[hospitals["hospital"] != "Case Western"]
    fit = inference.glm(three, by="hospital", formula=TRIAL, family="binomial", site="fixed")
    names = ["indomethacin", "age", "female", "pep", "sod"]
    np.testing.assert_allclose(
        fit.params[names], [-0.74844462, -0.01218131, 0.07381936, 0.82017494, 0.40736242], atol=1e-8
    )
    np.testing.assert_allclose(fit.bse[names], [0.26144158, 0.00975428, 0.32951526, 0.29071430, 0.36877228], atol=1e-7)
    own = [f"hospital[{name}]" for name in ("Indiana", "Kentucky", "Michigan")]
    np.testing.assert_allclose(fit.params[own], [-1.96554247, -1.94505592, -0.85930394], atol=1e-8)
    assert fit.llf == pytest.approx(-216.62610126, abs=1e-8)
    assert fit.rounds <= 6
    first = fit.predict(three.head(2))
    eta = fit.params["hospital[Michigan]"] + three.head(2)[names].to_numpy(float) @ fit.params[names]
    np.testing.assert_allclose(first, 1 / (1 + np.exp(-eta)))


def test_a_hospital_without_an_event_separates_and_is_named(hospitals: pd.DataFrame) -> None:
    with pytest.raises(SeparationError, match=r"'hospital\[Case Western\]' separates: of the 3 rows"):
        inference.glm(hospitals, by="hospital", formula=TRIAL, family="binomial", site="fixed")


def test_peers_reach_the_same_fit_by_gossip(hospitals: pd.DataFrame, trial: inference.GLM) -> None:
    ring = inference.glm(hospitals, by="hospital", formula=TRIAL, family="binomial", network=accord.networks.ring(4))
    np.testing.assert_allclose(ring.params, trial.params, rtol=1e-11)
    np.testing.assert_allclose(ring.cov, trial.cov, rtol=1e-10)
    assert ring.bytes > trial.bytes
    with pytest.raises(NetworkError, match="4 agents"):
        inference.glm(hospitals, by="hospital", formula=TRIAL, network=accord.networks.ring(5))
    with pytest.raises(NetworkError, match="arrive whole"):
        inference.glm(hospitals, by="hospital", formula=TRIAL, network=accord.networks.ring(4).lose(0.1))


def test_tests_of_hypotheses_are_those_of_statsmodels(hospitals: pd.DataFrame, trial: inference.GLM) -> None:
    pooled = smf.glm(TRIAL, hospitals, family=sm.families.Binomial()).fit(tol=1e-12)
    wald = trial.test("age = 0, pep = 0")
    theirs = pooled.wald_test("age = 0, pep = 0", scalar=True)
    assert (wald.statistic, wald.df) == (pytest.approx(float(theirs.statistic), rel=1e-8), 2)
    assert wald.pvalue == pytest.approx(float(theirs.pvalue), rel=1e-7)
    less = smf.glm("pancreatitis ~ indomethacin + female + sod", hospitals, family=sm.families.Binomial()).fit()
    ratio = trial.test("age = 0, pep = 0", kind="lr")
    assert ratio.statistic == pytest.approx(2 * (pooled.llf - less.llf), abs=1e-8)
    equal = trial.test("pep = 2 * sod + 1", kind="lr")
    moved = hospitals.assign(both=2 * hospitals["pep"] + hospitals["sod"])
    held = smf.glm(
        "pancreatitis ~ indomethacin + age + female + both", moved, family=sm.families.Binomial(), offset=moved["pep"]
    ).fit()
    assert equal.statistic == pytest.approx(2 * (pooled.llf - held.llf), abs=1e-8)
    assert "p = " in str(equal)


def test_a_test_of_one_coefficient_is_the_square_of_its_z(trial: inference.GLM) -> None:
    found = trial.test("age = 0")
    assert (found.kind, found.df) == ("Wald", 1)
    assert found.statistic == pytest.approx((0.00969187 / 0.00954603) ** 2, rel=1e-5)  # of the known answer
    assert found.pvalue == pytest.approx(trial.pvalues["age"], rel=1e-12)


def test_variance_inflation_is_that_of_regressions_on_the_others(hospitals: pd.DataFrame, trial: inference.GLM) -> None:
    r2 = smf.ols("age ~ indomethacin + female + pep + sod", hospitals).fit().rsquared
    assert trial.vif()["age"] == pytest.approx(1 / (1 - r2), rel=1e-10)
    assert "Intercept" not in trial.vif()


def test_agents_own_fits_are_theirs_and_their_spread_is_cochrans(trial: inference.GLM, hospitals: pd.DataFrame) -> None:
    found = trial.heterogeneity()
    alone = smf.glm(TRIAL, hospitals[hospitals["hospital"] == "Indiana"], family=sm.families.Binomial()).fit(tol=1e-12)
    np.testing.assert_allclose(found.own.loc["Indiana"], alone.params, rtol=1e-7)
    np.testing.assert_allclose(found.own_bse.loc["Indiana"], alone.bse, rtol=1e-6)
    assert set(found.unused) == {"Kentucky", "Case Western"}
    w = found.own_bse["age"] ** -2
    mean = (w * found.own["age"]).sum() / w.sum()
    assert found.table.loc["age", "meta"] == pytest.approx(mean)
    assert found.table.loc["age", "Q"] == pytest.approx((w * (found.own["age"] - mean) ** 2).sum())
    assert "Kentucky: fewer" in str(found)


def test_a_fit_prints_and_draws_itself(trial: inference.GLM, tmp_path) -> None:
    text = str(trial)
    assert "602 rows of 4 agents." in text
    assert "-0.7279" in text
    figure = trial.plot(tmp_path / "forest.png")
    assert (tmp_path / "forest.png").stat().st_size > 1000
    assert [axes.get_title(loc="left") for axes in figure.axes][:2] == ["indomethacin", "age"]
    with pytest.raises(UnknownName, match="agee"):
        trial.plot(terms=["agee"])
    assert trial.told["query"].tolist() == ["schema", "start", "score"]
    assert not trial.told["summed"].iloc[0]


def _made(seed: int, rows: int = 240) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    x, z = random.standard_normal(rows), random.uniform(0.5, 2, rows)
    arm = random.choice(["placebo", "low", "high"], rows)
    eta = 0.3 + 0.25 * x + 0.3 * (arm == "low") - 0.2 * (arm == "high")
    return pd.DataFrame(
        {
            "x": x,
            "z": z,
            "arm": arm,
            "ill": (random.uniform(size=rows) < 1 / (1 + np.exp(-eta))).astype(int),
            "count": random.negative_binomial(2, 2 / (2 + np.exp(eta))),
            "cost": random.gamma(4, 1 / (1 + z) / 4),
            "time": random.wald((1 + z) ** -0.5, 3.0),
            "level": 2 + eta + random.standard_normal(rows) / 2,
            "w": random.uniform(0.5, 2, rows),
            "site": random.choice(["a", "b", "c", "d"], rows),
        }
    )


F, L = sm.families, sm.families.links
CASES = [
    ("gaussian", "identity", "level", F.Gaussian(L.Identity())),
    ("gaussian", "log", "level", F.Gaussian(L.Log())),
    ("binomial", "logit", "ill", F.Binomial(L.Logit())),
    ("binomial", "probit", "ill", F.Binomial(L.Probit())),
    ("binomial", "cloglog", "ill", F.Binomial(L.CLogLog())),
    ("poisson", "log", "count", F.Poisson(L.Log())),
    ("poisson", "identity", "count", F.Poisson(L.Identity())),
    ("gamma", "inverse", "cost", F.Gamma(L.InversePower())),
    ("gamma", "log", "cost", F.Gamma(L.Log())),
    ("inverse_gaussian", "log", "time", F.InverseGaussian(L.Log())),
    ("inverse_gaussian", "inverse_squared", "time", F.InverseGaussian(L.InverseSquared())),
]


@pytest.mark.parametrize(("family", "link", "y", "theirs"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
@pytest.mark.parametrize("covariance", ["model", "HC0"])
def test_families_and_links_are_those_of_statsmodels(
    family: str, link: str, y: str, theirs: sm.families.Family, covariance: str
) -> None:
    frame = _made(1)
    x = "z" if link in ("identity", "inverse", "inverse_squared") else "x"
    formula = f"{y} ~ {x} + arm"
    weighted = covariance == "model"
    offset = frame["z"] / 10 if link in ("log", "logit", "probit") else None
    options = {"var_weights": frame["w"]} if weighted else {}
    fit = inference.glm(
        frame.assign(o=frame["z"] / 10),
        by="site",
        formula=formula,
        family=family,
        link=link,
        covariance=covariance,
        offset="o" if offset is not None else None,
        weights="w" if weighted else None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DomainWarning)  # of links that can leave the family's means
        model = smf.glm(formula, frame, family=theirs, offset=offset, **options)
    pooled = model.fit(tol=1e-14, maxiter=200, cov_type="nonrobust" if weighted else "HC0")
    order = ["Intercept", "arm[T.low]", "arm[T.placebo]", x]
    np.testing.assert_allclose(fit.params[order], pooled.params[order], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(fit.bse[order], pooled.bse[order], rtol=1e-6)
    assert fit.deviance == pytest.approx(pooled.deviance, rel=1e-9)
    assert fit.llf == pytest.approx(pooled.llf, rel=1e-9)
    assert fit.scale == pytest.approx(pooled.scale, rel=1e-8)
    assert fit.aic == pytest.approx(pooled.aic, rel=1e-9)
    np.testing.assert_allclose(
        fit.predict(frame.drop(columns=y)), pooled.predict(frame, offset=0 * frame["z"]), rtol=1e-7
    )
    if offset is None:
        assert fit.null_deviance == pytest.approx(pooled.null_deviance, rel=1e-8)


def test_alpha_of_the_negative_binomial_is_that_of_greatest_likelihood() -> None:
    frame = _made(2)
    fit = inference.glm(frame, by="site", formula="count ~ x + z", family="negative_binomial")
    pooled = smf.negativebinomial("count ~ x + z", frame).fit(disp=0, tol=1e-12, method="newton", maxiter=100)
    assert fit.alpha == pytest.approx(pooled.params["alpha"], rel=1e-6)
    np.testing.assert_allclose(fit.params, pooled.params[:3], rtol=1e-6, atol=1e-8)
    assert fit.llf == pytest.approx(pooled.llf, rel=1e-10)
    given = smf.glm("count ~ x + z", frame, family=F.NegativeBinomial(alpha=fit.alpha)).fit(tol=1e-14)
    np.testing.assert_allclose(fit.bse, given.bse, rtol=1e-6)
    with pytest.raises(ProblemError, match="no more than Poisson"):
        inference.glm(
            frame.assign(count=2 + frame.index % 2), by="site", formula="count ~ x", family="negative_binomial"
        )


@pytest.mark.parametrize("seed", range(4))
def test_how_rows_are_split_makes_no_difference(seed: int) -> None:
    frame, random = _made(seed), np.random.default_rng(seed)
    formula, fits = "ill ~ x * arm + bs(z, df=4)", []
    for agents in (1, 3, 8):
        split = frame.sample(frac=1, random_state=seed).assign(site=random.integers(agents, size=len(frame)))
        fits.append(inference.glm(split, by="site", formula=formula, family="binomial", covariance="HC1"))
    for fit in fits[1:]:
        np.testing.assert_allclose(fit.params, fits[0].params, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(fit.cov, fits[0].cov, rtol=1e-8, atol=1e-11)
        assert fit.llf == pytest.approx(fits[0].llf, rel=1e-12)


def test_missing_rows_are_dropped_and_told() -> None:
    frame = _made(3)
    frame.loc[frame.index[:7], "x"] = np.nan
    fit = inference.glm(frame, by="site", formula="level ~ x")
    assert fit.nobs == len(frame) - 7
    assert sum(fit.dropped.values()) == 7
    assert "7 rows with a missing value" in str(fit)
    np.testing.assert_allclose(fit.params, smf.ols("level ~ x", frame).fit().params, rtol=1e-10)


def test_an_agent_without_a_level_takes_part() -> None:
    frame = _made(4)
    frame = frame[(frame["site"] != "a") | (frame["arm"] != "low")]
    fit = inference.glm(frame, by="site", formula="level ~ arm + x")
    np.testing.assert_allclose(np.sort(fit.params), np.sort(smf.ols("level ~ arm + x", frame).fit().params), rtol=1e-10)
    assert fit.heterogeneity().unused == {"a": "columns that do not vary, or determine one another"}


def test_words_are_events_and_references_are_named() -> None:
    frame = _made(5).assign(outcome=lambda f: np.where(f["ill"] == 1, "yes", "no"))
    fit = inference.glm(frame, by="site", formula="outcome ~ C(arm, contr.treatment('placebo'))", family="binomial")
    pooled = smf.glm("ill ~ C(arm, Treatment('placebo'))", frame, family=F.Binomial()).fit()
    np.testing.assert_allclose(fit.params, pooled.params, rtol=1e-6)
    assert "The event is outcome = yes." in str(fit)


def test_what_cannot_be_fitted_is_named() -> None:
    frame = _made(6).assign(copy=lambda f: 2 * f["x"] + 1, rare=0)
    with pytest.raises(ProblemError, match="'Intercept', 'x', 'copy' determine one another"):
        inference.glm(frame, by="site", formula="level ~ x + copy")
    with pytest.raises(ProblemError, match="zero in every row"):
        inference.glm(frame, by="site", formula="level ~ x + rare")
    one = frame.assign(rare=(frame.index == 3).astype(int))
    certain = frame.assign(ill=np.where(frame["arm"] == "low", 1, frame["ill"]))
    with pytest.raises(ProblemError, match="2 coefficients, but 1 rows with the event"):
        inference.glm(one, by="site", formula="rare ~ x", family="binomial")
    with pytest.raises(SeparationError, match=r"'arm\[T.low\]' separates.*all have"):
        inference.glm(certain, by="site", formula="ill ~ arm", family="binomial")
    with pytest.raises(SeparationError, match="coefficient of 'x' still moves"):
        inference.glm(frame.assign(ill=(frame["x"] > 0).astype(int)), by="site", formula="ill ~ x", family="binomial")
    with pytest.raises(DataError, match="outside the gamma family in"):
        inference.glm(frame, by="site", formula="x ~ z", family="gamma")
    with pytest.raises(UnknownName, match="Did you mean 'level'"):
        inference.glm(frame, by="site", formula="levl ~ z")
    with pytest.raises(ProblemError, match="has no link 'probit'"):
        inference.glm(frame, by="site", formula="level ~ z", link="probit")
    with pytest.raises(ProblemError, match="keep the units"):
        inference.glm(frame, by="site", formula="level ~ scale(z)")
    with pytest.raises(MethodError, match="arrive whole"):
        inference.glm(frame, by="site", formula="level ~ z", channel=accord.clip(1.0))


def test_what_is_foretold_of_a_row_needs_all_of_it_and_known_levels() -> None:
    frame = _made(7)
    fit = inference.glm(frame, by="site", formula="level ~ x + arm")
    new = frame.head(3).copy()
    new.loc[new.index[1], "x"] = np.nan
    assert fit.predict(new).isna().tolist() == [False, True, False]
    with pytest.raises(DataError, match="'arm' has 'medium', which no agent had"):
        fit.predict(new.assign(arm="medium"))


def test_an_agent_without_a_complete_row_changes_nothing() -> None:
    frame = _made(8)
    empty = frame.assign(x=frame["x"].where(frame["site"] != "a"))
    some = inference.glm(empty, by="site", formula="ill ~ x + arm", family="binomial")
    rest = inference.glm(frame[frame["site"] != "a"], by="site", formula="ill ~ x + arm", family="binomial")
    np.testing.assert_allclose(some.params, rest.params, rtol=1e-12)
    with pytest.raises(ProblemError, match="one agent"):
        inference.glm(frame.assign(site=0), by="site", formula="level ~ x", covariance="cluster")


def test_levels_that_name_single_rows_are_not_told() -> None:
    frame = _made(9).assign(name=lambda f: [f"n{i}" for i in range(len(f))])
    with pytest.raises(DisclosureError, match="levels of column 'name'"):
        inference.glm(frame, by="site", formula="level ~ name", limits=inference.Limits())
    with pytest.raises(DisclosureError, match="levels of column 'name'"):
        inference.describe(frame, by="site", columns=["name"], limits=inference.Limits())


def test_limits_belong_to_the_agent_and_refuse_by_name(hospitals: pd.DataFrame) -> None:
    with pytest.raises(DisclosureError, match="'Case Western' refuses sums over 3 rows: its limit is 10"):
        inference.glm(hospitals, by="hospital", formula=TRIAL, family="binomial", limits=inference.Limits())
    with pytest.raises(DisclosureError, match="'Kentucky' refuses a model of 6 parameters: it has 22 rows"):
        inference.glm(
            hospitals, by="hospital", formula=TRIAL, family="binomial", limits={"Kentucky": inference.Limits(share=0.2)}
        )
    large = hospitals[hospitals["hospital"].isin(["Michigan", "Indiana"])]
    assert inference.glm(large, by="hospital", formula=TRIAL, limits=inference.Limits()).nobs == 577
