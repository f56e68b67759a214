"""Mixed models, descriptions and two-way tables: dense algebra and pandas on the pooled rows."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.tools.sm_exceptions import ConvergenceWarning

import accord
from accord import inference
from accord.errors import DisclosureError, ProblemError, UnknownName
from accord.runtimes import Ray, Threads
from accord.studies import dataset


@pytest.fixture(scope="module")
def farms() -> pd.DataFrame:
    random = np.random.default_rng(1)
    sizes = random.integers(5, 30, 12)
    farm, n = np.repeat(np.arange(12), sizes), int(sizes.sum())
    rain, soil = random.normal(0, 10, n), random.choice(["clay", "sand"], n)
    own, slope = random.normal(0, 2, 12), random.normal(0, 0.1, 12)
    crop = 3 + 0.2 * rain + own[farm] + slope[farm] * rain + 0.5 * (soil == "sand") + random.normal(0, 1, n)
    return pd.DataFrame({"farm": farm, "rain": rain, "soil": soil, "crop": crop})


def _dense(frame: pd.DataFrame, fit: inference.Mixed, Z: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """β, its covariance and the restricted log-likelihood by matrices of all rows."""
    X = np.column_stack([np.ones(len(frame)), frame["rain"], frame["soil"] == "sand"]).astype(float)
    y, same = frame["crop"].to_numpy(), np.equal.outer(frame["farm"].to_numpy(), frame["farm"].to_numpy())
    V = fit.scale * np.eye(len(y)) + same * (Z @ fit.cov_re.to_numpy() @ Z.T)
    inverse = np.linalg.inv(V)
    cov = np.linalg.inv(X.T @ inverse @ X)
    beta = cov @ X.T @ inverse @ y
    r = y - X @ beta
    logdets = np.linalg.slogdet(V)[1] - np.linalg.slogdet(cov)[1]
    return beta, cov, -((len(y) - 3) * np.log(2 * np.pi) + logdets + r @ inverse @ r) / 2


@pytest.mark.parametrize("random", ["1", "1 + rain"])
def test_a_mixed_model_is_that_of_all_rows_from_one_round_of_sums(farms: pd.DataFrame, random: str) -> None:
    fit = inference.mixed(farms, by="farm", formula="crop ~ rain + soil", random=random)
    terms = ["Intercept", "rain", "soil[T.sand]"]
    Z = np.column_stack([np.ones(len(farms)), farms["rain"]])[:, : len(fit.cov_re)]
    beta, cov, llf = _dense(farms, fit, Z)
    np.testing.assert_allclose(fit.params[terms], beta, rtol=1e-10)
    np.testing.assert_allclose(fit.cov.loc[terms, terms], cov, rtol=1e-9)
    assert fit.llf == pytest.approx(llf, rel=1e-12)
    varying = {"re_formula": random} if "rain" in random else {}
    model = smf.mixedlm("crop ~ rain + soil", farms, groups=farms["farm"], **varying)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of an optimum that is reached to fewer digits than here
        theirs = model.fit(method=["bfgs"], gtol=1e-8)
    assert fit.llf >= theirs.llf - 1e-8
    if random == "1":  # with slopes theirs stops at a lower likelihood
        np.testing.assert_allclose(fit.params[terms], theirs.fe_params[terms], rtol=1e-4)
        np.testing.assert_allclose(fit.cov_re, theirs.cov_re, rtol=1e-3)
        blups = np.array(list(theirs.random_effects.values()))
        np.testing.assert_allclose(fit.random_effects, blups, rtol=1e-2, atol=1e-3)
        spreads = np.sqrt([np.diag(np.atleast_2d(c)) for c in theirs.random_effects_cov.values()])
        np.testing.assert_allclose(fit.random_effects_bse, spreads, rtol=1e-2)
    assert fit.told["query"].tolist() == ["schema", "cross"]


def test_variances_are_where_the_likelihood_is_level(farms: pd.DataFrame) -> None:
    from accord.inference.mixed_fit import Products, best, profile
    from accord.inference.packing import unpacked

    fit = inference.mixed(farms, by="farm", formula="crop ~ rain", reml=False)
    assert 0 < fit.icc < 1
    sums = inference.glm(farms, by="farm", formula="crop ~ rain").sums
    replies = sums.each("cross", fit.design)
    products = Products.of(np.stack([unpacked(r[0]) for r in replies]), np.array([r[1][0] for r in replies]), 1)
    theta = best(products, False)
    heights = [profile(products, theta + step, False).height for step in (-1e-3, 0.0, 1e-3)]
    assert heights[1] < min(heights[0], heights[2])
    assert abs(heights[0] - heights[2]) < 1e-2 * (heights[0] - heights[1])
    assert "of the variance lies between agents" in str(fit)


def test_agents_that_do_not_differ_have_no_variance_between_them(farms: pd.DataFrame) -> None:
    flat = farms.assign(crop=farms["rain"] + np.tile([1.0, -1.0], len(farms))[: len(farms)])
    fit = inference.mixed(flat, by="farm", formula="crop ~ rain")
    assert fit.icc < 1e-6
    ols = smf.ols("crop ~ rain", flat).fit()
    np.testing.assert_allclose(fit.params, ols.params, rtol=1e-6)
    np.testing.assert_allclose(fit.bse, ols.bse, rtol=1e-6)
    with pytest.raises(ProblemError, match="one agent"):
        inference.mixed(flat[flat["farm"] == 0], by="farm", formula="crop ~ rain")


def test_workers_answer_as_this_process_does(farms: pd.DataFrame) -> None:
    here = inference.mixed(farms, by="farm", formula="crop ~ rain")
    there = inference.mixed(farms, by="farm", formula="crop ~ rain", runtime=Threads(workers=2))
    pd.testing.assert_series_equal(here.params, there.params, check_exact=True)
    assert (here.rounds, here.bytes) == (there.rounds, there.bytes)


@pytest.mark.slow
def test_processes_answer_as_this_one_does(farms: pd.DataFrame) -> None:
    here = inference.glm(farms, by="farm", formula="crop ~ rain + soil")
    there = inference.glm(farms, by="farm", formula="crop ~ rain + soil", runtime=Ray(shards=2))
    pd.testing.assert_series_equal(here.params, there.params, check_exact=True)


def test_table_one_is_that_of_all_rows() -> None:
    heart = dataset("heart")
    found = inference.describe(heart, by="center", columns=["age", "chol", "sex", "disease"])
    age = found.table.loc[("age", "")]
    assert age["mean"] == pytest.approx(heart["age"].mean(), rel=1e-12)
    assert age["sd"] == pytest.approx(heart["age"].std(), rel=1e-10)
    chol = heart["chol"].dropna()
    quartiles = np.quantile(chol, [0.25, 0.5, 0.75], method="inverted_cdf")
    np.testing.assert_allclose(
        found.table.loc[("chol", ""), ["q1", "median", "q3"]].to_numpy(float), quartiles, atol=1e-4
    )
    assert found.table.loc[("chol", ""), "missing"] == heart["chol"].isna().sum()
    assert found.table.loc[("sex", "Male"), "count"] == (heart["sex"] == "Male").sum()
    own = found.parts.loc[("age", ""), ("Hungary", "mean")]
    assert own == pytest.approx(heart.loc[heart["center"] == "Hungary", "age"].mean())
    assert "Cleveland (n = 303)" in str(found)
    assert found.to_html().startswith("<table")
    assert r"726 (78.9 \%)" in found.to_latex()


@pytest.mark.parametrize("unit", [2.0**-60, 2.0**60])
def test_quantiles_are_the_same_in_any_unit_and_found_far_from_zero(farms: pd.DataFrame, unit: float) -> None:
    rain = farms["rain"] - farms["rain"].mean()
    columns = {"here": rain, "scaled": rain * unit, "far": rain + 1e9 * rain.std()}
    moved = {name: farms.assign(rain=values) for name, values in columns.items()}
    found = {name: inference.describe(one, by="farm", columns=["rain"]) for name, one in moved.items()}
    names = ["q1", "median", "q3"]
    quartiles = {name: one.table.loc[("rain", ""), names].to_numpy(float) for name, one in found.items()}
    np.testing.assert_array_equal(quartiles["scaled"] / unit, quartiles["here"])
    wanted = np.quantile(moved["far"]["rain"], [0.25, 0.5, 0.75], method="inverted_cdf")
    np.testing.assert_allclose(quartiles["far"], wanted, rtol=0, atol=1e-6 * rain.std())


def test_groups_have_standardised_mean_differences() -> None:
    heart = dataset("heart")
    found = inference.describe(heart, by="center", columns=["age", "sex"], groups="disease")
    well, ill = (heart.loc[heart["disease"] == k, "age"] for k in (0, 1))
    expected = (well.mean() - ill.mean()) / np.sqrt((well.var() + ill.var()) / 2)
    assert found.smd[("age", "")] == pytest.approx(expected, rel=1e-10)
    assert (
        found.parts.loc[("sex", "Male"), ("1", "count")] == ((heart["sex"] == "Male") & (heart["disease"] == 1)).sum()
    )


def test_small_cells_are_withheld_and_so_is_what_would_tell_them() -> None:
    frame = pd.DataFrame({"site": ["a"] * 30, "kind": ["x"] * 3 + ["y"] * 10 + ["z"] * 17, "rare": [1] * 2 + [0] * 28})
    found = inference.describe(frame, by="site", limits=inference.Limits())
    assert found.table["count"].isna().tolist() == [True, True, False, True]
    assert found.table.loc[("kind", "z"), "count"] == 17
    with pytest.raises(ProblemError, match="withheld by an agent"):
        inference.crosstab(frame, by="site", row="kind", column="rare", limits=inference.Limits())
    with pytest.raises(DisclosureError, match="30 rows: its limit is 40"):
        inference.describe(frame, by="site", limits=inference.Limits(rows=40))


def test_the_trial_is_a_table_of_two_by_two() -> None:
    hospitals = dataset("hospitals")
    found = inference.crosstab(hospitals, by="hospital", row="indomethacin", column="pancreatitis")
    assert found.table.to_numpy().tolist() == [[255, 52], [268, 27]]
    assert found.chi2.pvalue == pytest.approx(0.0047, abs=5e-5)
    assert found.fisher is not None
    assert found.fisher.pvalue == pytest.approx(stats.fisher_exact([[255, 52], [268, 27]])[1])
    assert found.odds_ratio == pytest.approx(255 * 27 / (52 * 268))
    ring = accord.networks.ring(4)
    peers = inference.crosstab(hospitals, by="hospital", row="indomethacin", column="pancreatitis", network=ring)
    np.testing.assert_allclose(peers.table, found.table, rtol=1e-12)
    with pytest.raises(UnknownName, match="indometacin"):
        inference.crosstab(hospitals, by="hospital", row="indometacin", column="pancreatitis")
