"""Tables in, problems out: groups are agents, columns are encoded, and only sums leave an agent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

import accord
from accord import Problem
from accord.errors import DataError, MissingExtra, ProblemError, UnknownName
from accord.problems.data import encoding

HOSPITALS = Path(accord.__file__).parent / "studies" / "hospitals.csv"


def frame(**columns: Any) -> pd.DataFrame:
    """Six patients of two clinics; columns can be replaced, added, or taken away by None."""
    given_columns = {
        "clinic": ["North", "South", "North", "South", "South", "South"],
        "age": [30.0, 40, 50, 60, 70, 80],
        "sex": ["m", "f", "m", "f", "f", "m"],
        "ill": [1, 0, 0, 1, 0, 1],
    } | columns
    return pd.DataFrame({name: values for name, values in given_columns.items() if values is not None})


def problem(**how: Any) -> Problem:
    columns = {name: how.pop(name) for name in list(how) if name in ("clinic", "age", "sex", "ill", "smokes")}
    return Problem.from_table(frame(**columns), **({"by": "clinic", "target": "ill", "least": 1} | how))


def together(made: Problem) -> np.ndarray:
    """All agents' features, as no agent sees them."""
    return np.concatenate([a for a, _ in made.shards])


def test_groups_are_agents_in_the_order_in_which_they_appear() -> None:
    made = problem()
    assert made.names == ("North", "South")
    assert made.sizes.tolist() == [2, 4]
    assert made.weights.tolist() == [1 / 3, 2 / 3]
    assert [b.tolist() for _, b in made.shards] == [[1, 0], [0, 1, 0, 1]]
    for k, rows in enumerate(made.table.rows):
        assert (rows["clinic"] == made.names[k]).all()
        assert rows["ill"].tolist() == made.shards[k][1].tolist()


def test_columns_have_names_and_text_is_compared_with_its_first_level() -> None:
    made = problem(standardise=False)
    assert made.table.columns == ("age", "sex=m", "intercept")
    assert made.table.levels == {"sex": ("f", "m")}
    np.testing.assert_array_equal(made.shards[0][0], [[30, 1, 1], [50, 1, 1]])
    without = problem(standardise=False, intercept=False)
    assert without.table.columns == ("age", "sex=f", "sex=m")
    np.testing.assert_array_equal(without.shards[0][0], [[30, 0, 1], [50, 0, 1]])


def test_levels_are_united_across_agents() -> None:
    made = problem(sex=["a", "b", "a", "b", "c", "b"], standardise=False)
    assert made.table.columns == ("age", "sex=b", "sex=c", "intercept")
    assert made.shards[0][0][:, 1:3].tolist() == [[0, 0], [0, 0]]  # North has seen neither


@given(st.integers(0, 1000), st.integers(1, 5), st.integers(1, 40))
def test_federated_moments_are_those_of_all_rows_together(seed: int, agents: int, n: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(n, 2)) * [1e-3, 1e6] + [1.0, -1e7]
    rows[random.random((n, 2)) < 0.2] = np.nan
    rows[0] = 1.0
    means, scales = encoding.moments(np.array_split(rows, agents))
    np.testing.assert_allclose(means, np.nanmean(rows, axis=0), rtol=1e-12)
    filled = np.where(np.isnan(rows), means, rows)
    expected = filled.std(axis=0)
    np.testing.assert_allclose(scales, np.where(expected > 1e-12 * np.abs(means), expected, 1.0), rtol=1e-9)


def test_only_sums_leave_an_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed of the parts together is computed of sums: no operation sees the rows of two agents."""
    seen: list[tuple[int, ...]] = []
    total = np.sum

    def watched(values: Any, *rest: Any, **keywords: Any) -> Any:
        if isinstance(values, list):
            seen.extend(np.shape(value) for value in values)
        return total(values, *rest, **keywords)

    parts = [np.ones((3, 2)), np.zeros((5, 2))]
    with monkeypatch.context() as patch:
        patch.setattr(np, "sum", watched)
        encoding.moments(parts)
    assert set(seen) == {(2,)}
    assert len(seen) == 3 * len(parts)


def test_standardised_columns_have_mean_zero_and_variance_one_and_the_intercept_is_ones() -> None:
    rows = together(problem())
    np.testing.assert_allclose(rows[:, :-1].mean(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose(rows[:, :-1].std(axis=0), 1, rtol=1e-14)
    assert (rows[:, -1] == 1).all()


def test_truth_values_and_nullable_numbers_are_numbers() -> None:
    made = problem(
        sex=None,
        standardise=False,
        smokes=[True, False, True, True, False, False],
        age=pd.array([1, 2, None, 4, 5, 6], dtype="Int64"),
        missing="mean",
    )
    assert made.table.columns == ("age", "smokes", "intercept")
    assert made.shards[0][0].tolist() == [[1, 1, 1], [3.6, 1, 1]]


def test_missing_values_become_the_mean_over_all_agents() -> None:
    made = problem(age=[30.0, 40, np.nan, 60, 70, np.nan], sex=["m", "f", None, "f", "f", "m"], missing="mean")
    assert made.table.means[0] == 50.0
    assert made.table.means[1] == 0.4  # of five who said, two are men
    assert made.shards[0][0][1, :2].tolist() == [0, 0]


def test_the_target_is_any_two_values_and_they_are_remembered() -> None:
    for values, classes in ((["no", "yes"], ("no", "yes")), ([1, 2], (1, 2)), ([False, True], (False, True))):
        made = problem(ill=[values[i] for i in (1, 0, 0, 1, 0, 1)])
        assert made.table.classes == classes
        assert np.concatenate([b for _, b in made.shards]).tolist() == [1, 0, 0, 1, 0, 1]


@pytest.mark.parametrize("model", ["logistic", "svm", "softmax", "least_squares", "lasso"])
def test_every_model_is_its_ready_made_problem(model: str) -> None:
    made = problem(
        model=model,
        ill=[3, 1, 2, 1, 2, 3] if model == "softmax" else [1, 0, 0, 1, 0, 1],
        **({"l1": 0.1} if model == "lasso" else {"l2": 0.3}),
    )
    ready = {
        "logistic": lambda shards: accord.problems.logistic(shards, 0.3, intercept=True),
        "svm": lambda shards: accord.problems.svm(shards, 0.3),
        "softmax": lambda shards: accord.problems.softmax(shards, 3, 0.3, intercept=True),
        "least_squares": lambda shards: accord.problems.least_squares(shards, 0.3, intercept=True),
        "lasso": lambda shards: accord.problems.lasso(shards, 0.1),
    }[model](made.shards)
    assert made.loss == ready.loss
    assert made.x0.shape == ready.x0.shape
    if model == "lasso":
        assert made.regularizer.l1.tolist() == [0.1, 0.1, 0.0]  # the intercept is free
    else:
        np.testing.assert_array_equal(made.solve(), ready.solve())


def test_a_classifier_has_a_small_penalty_unless_given() -> None:
    assert [problem(model=model).loss.l2 for model in ("logistic", "svm", "least_squares")] == [0.01, 0.01, 0.0]


def test_hospitals_are_what_scikit_learn_finds_on_the_pooled_table() -> None:
    made = Problem.from_table(HOSPITALS, by="hospital", target="pancreatitis", missing="mean", l2=0.05)
    assert dict(zip(made.names, made.sizes.tolist(), strict=True)) == {
        "Michigan": 164,
        "Indiana": 413,
        "Kentucky": 22,
        "Case Western": 3,
    }
    pooled = pd.read_csv(HOSPITALS)
    x = pooled.drop(columns=["hospital", "pancreatitis"])
    x = x.fillna(x.mean())
    x = (x - x.mean()) / x.std(ddof=0)
    found = LogisticRegression(C=1 / (0.05 * len(x)), tol=1e-10, max_iter=1000).fit(x, pooled["pancreatitis"])
    np.testing.assert_allclose(made.solve(), [*found.coef_[0], found.intercept_[0]], atol=1e-6)


def test_a_free_intercept_makes_the_mean_risk_the_mean_outcome_whatever_the_penalty() -> None:
    made = Problem.from_table(HOSPITALS, by="hospital", target="pancreatitis", missing="mean", l2=100.0)
    features = np.concatenate([a for a, _ in made.shards])
    assert (1 / (1 + np.exp(-features @ made.solve()))).mean() == pytest.approx(79 / 602, abs=1e-12)


def test_intercepts_of_classes_are_free_and_sum_to_zero() -> None:
    shards = [(np.ones((4, 1)), np.array([0, 1, 1, 2]))]
    found = accord.problems.softmax(shards, 3, l2=5.0, intercept=True).solve()[:, 0]
    np.testing.assert_allclose(found, np.log([1, 2, 1]) - np.log(2) / 3, atol=1e-9)


def test_a_ridge_leaves_the_intercept_free_in_loss_quadratic_and_curvature() -> None:
    A, b = np.array([[1.0, 1.0], [-1.0, 1.0], [3.0, 1.0]]), np.array([5.0, 7.0, 6.0])
    made = accord.problems.least_squares([(A, b)], l2=1e9, intercept=True)
    np.testing.assert_allclose(made.solve(), [0, 6], atol=1e-8)  # the mean of the targets
    L, mu = made.loss.bounds((A, b))
    H = A.T @ A / 3 + np.diag([1e9, 0])
    assert mu == pytest.approx(np.linalg.eigvalsh(H)[0], rel=1e-6)
    assert np.linalg.eigvalsh(H)[1] <= L


def test_the_provenance_of_the_hospitals_ships_beside_them() -> None:
    assert "N Engl J Med" in HOSPITALS.with_suffix(".md").read_text(encoding="utf-8")


def test_new_rows_are_encoded_as_the_agents_own_were() -> None:
    made = problem(age=[30.0, 40, np.nan, 60, 70, 80], missing="mean")
    for rows, (features, _) in zip(made.table.rows, made.shards, strict=True):
        np.testing.assert_array_equal(made.table.encode(rows), features)
    with pytest.raises(DataError, match=r"'sex' holds 'x', which no agent has\. There is: f, m"):
        made.table.encode(frame(sex=["x"] * 6))


def test_a_file_is_the_table_it_holds(tmp_path: Path) -> None:
    table = frame()
    table.to_csv(tmp_path / "table.csv", index=False)
    table.to_parquet(tmp_path / "table.parquet")
    for path in (tmp_path / "table.csv", str(tmp_path / "table.parquet")):
        made = Problem.from_table(path, by="clinic", target="ill", least=1)
        np.testing.assert_array_equal(together(made), together(problem()))


def test_parquet_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame().to_parquet(tmp_path / "table.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install '\.\[parquet\]'"):
        Problem.from_table(tmp_path / "table.parquet", by="clinic", target="ill")


def test_weights_are_by_name() -> None:
    assert problem(weights={"South": 1, "North": 3}).weights.tolist() == [0.75, 0.25]


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"by": "clinik"}, UnknownName, "No column is called 'clinik'. Did you mean 'clinic'?"),
        ({"target": "il"}, UnknownName, "No column is called 'il'. Did you mean 'ill'?"),
        ({"features": ["agee"]}, UnknownName, "No column is called 'agee'. Did you mean 'age'?"),
        ({"model": "logistics"}, UnknownName, "No model is called 'logistics'. Did you mean 'logistic'?"),
        ({"missing": "median"}, UnknownName, "Did you mean 'mean'?"),
        ({"target": "clinic"}, ProblemError, "cannot both say whose a row is and be the target"),
        ({"features": ["age", "ill"]}, ProblemError, "target 'ill' is among the features"),
        ({"features": ["age", "age"]}, ProblemError, "2 columns 'age'"),
        ({"features": [], "intercept": False}, ProblemError, "no column to predict from"),
        ({"ill": [1] * 6}, DataError, "'ill' is 1 in every row"),
        ({"ill": [0, 1, 2, 0, 1, 2]}, ProblemError, "'ill' has 3 values, and logistic tells two apart"),
        ({"ill": [0.5, 1, 2, 0, 1, 2], "model": "softmax"}, ProblemError, "4 values that are not whole numbers"),
        ({"ill": list("yynnyn"), "model": "least_squares"}, ProblemError, "'ill' is 'y' and the like"),
        ({"ill": [1, 0, None, 1, 0, 1]}, DataError, "Agent 'North': column 'ill' has 1 missing value"),
        (
            {"clinic": ["N", "S", None, "S", None, "S"]},
            DataError,
            "'clinic' names no agent in 2 rows, the first is row 2",
        ),
        ({"model": "lasso"}, ProblemError, "lasso has one penalty, l1"),
        ({"model": "lasso", "l1": 0.1, "l2": 0.1}, ProblemError, "and no l2"),
        ({"l1": 0.1}, ProblemError, "l1 belongs to lasso, and logistic has none"),
        ({"l2": -1.0}, ProblemError, "l2 is -1.0"),
        ({"sex": list("abcdef")}, DataError, "'sex' is text and differs in all 6 rows"),
        (
            {"sex": ["1", "2", "3", "4", "2", "?"]},
            DataError,
            "'sex' holds numbers, but in 1 of 6 rows something else, such as '?'",
        ),
        ({"age": pd.date_range("2020", periods=6)}, ProblemError, "'age' holds times"),
        ({"age": [np.inf, 1, 2, 3, 4, 5]}, DataError, "Agent 'North': column 'age' has 1 infinite value"),
        ({"age": [np.nan] * 6, "missing": "mean"}, DataError, "'age' has no value at any agent"),
        ({"age": [1e200, 1, 2, 3, 4, 5]}, DataError, "'age' holds numbers too large to square"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(how: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as refusal:
        problem(**how)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ("nowhere.csv", ProblemError, "no file 'nowhere.csv'"),
        ([1, 2], ProblemError, "but list was given"),
        (frame().iloc[:0], DataError, "no rows"),
        (pd.concat([frame(), frame()[["age"]]], axis=1), ProblemError, "'age' occurs more than once"),
        (frame().assign(**{"Unnamed: 0": range(6)}), ProblemError, "row number that was saved along"),
        (frame().assign(intercept=1), ProblemError, "2 columns 'intercept'"),
    ],
)
def test_what_is_no_table_is_refused(table: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as refusal:
        Problem.from_table(table, by="clinic", target="ill", least=1)
    assert message in str(refusal.value)


@pytest.mark.parametrize(("name", "content"), [("empty.csv", b""), ("text.parquet", b"not parquet")])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"{name} cannot be read as a table"):
        Problem.from_table(tmp_path / name, by="clinic", target="ill")


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("site,age,y\na,1.5,0\nb,2.5,1\n", ()),
        ("\ufeffsite,age,y\na,1.5,0\nb,2.5,1\n", ()),
        ("site;age;y\na;1,5;0\nb;2,5;1\n", ("t.csv is read as utf-8, with semicolons between its fields",)),
        ("site\tage\ty\na\t1.5\t0\nb\t2.5\t1\n", ("t.csv is read as utf-8, with tabs between its fields",)),
        (" site , age,y\n a ,1.5,0\nb, 2.5,1\n", ()),
        ('site,age,y\na,"1,5",0\nb,"2,5",1\n', ()),
    ],
)
def test_the_dialect_of_a_file_is_found_and_told(tmp_path: Path, text: str, notes: tuple[str, ...]) -> None:
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    made = Problem.from_table(tmp_path / "t.csv", by="site", target="y", standardise=False)
    assert made.names == ("a", "b")
    assert made.table.columns == ("age", "intercept")
    assert together(made)[:, 0].tolist() == [1.5, 2.5]
    assert made.table.notes == notes


def test_a_dialect_may_be_given_and_a_text_in_latin_1_is_read_and_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("site;größe;y\nKöln;1.234,5;0\nBonn;2,5;1\n".encode("latin-1"))
    how = {"sep": ";", "decimal": ",", "thousands": ".", "encoding": "latin-1"}
    made = Problem.from_table(tmp_path / "t.csv", by="site", target="y", read=how, standardise=False)
    assert made.names == ("Köln", "Bonn")
    assert together(made)[:, 0].tolist() == [1234.5, 2.5]
    found = Problem.from_table(tmp_path / "t.csv", by="site", target="y", features=[])
    assert found.table.notes == ("t.csv is read as cp1252, with semicolons between its fields",)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "site,age,y\na,1,0,9\nb,2,1,9\n", "t.csv, line 2: 4 fields under 3 names"),
        ("t.csv", "site,age,y\na,1,0\nb,2\n", "t.csv, line 3: 2 fields under 3 names"),
        ("t.csv", "site,age,age,y\na,1,0,1\nb,2,1,0\n", "Column 'age' occurs more than once"),
        ("t.xlsx", "PK", "t.xlsx is a spreadsheet's file"),
        ("t.csv", "site,age\0,y\n", "bytes that are no text"),
        ("t.csv", 'site,pay,y\na,"1,500",0\nb,"2,500",1\n', "'1,500', which is a thousand and more, or a decimal"),
    ],
)
def test_a_file_that_does_not_hold_together_is_refused_with_its_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ProblemError) as refusal:
        Problem.from_table(tmp_path / name, by="site", target="y")
    assert message in str(refusal.value)


def test_an_argument_of_the_reader_that_is_not_known_is_refused_by_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text("site,y\na,1\n")
    with pytest.raises(UnknownName, match="Did you mean 'sep'"):
        Problem.from_table(tmp_path / "u.csv", by="site", target="y", read={"sepp": ";"})


def test_texts_are_stripped_and_a_blank_is_missing() -> None:
    sex = ["m ", " f", "m", "f", "   ", "f"]
    made = problem(sex=sex, clinic=["North", "South ", "North", "South", "South", "South"], missing="mean")
    assert made.names == ("North", "South")
    assert made.table.levels == {"sex": ("f", "m")}
    assert made.table.means[1] == 0.4  # of five who said, two are men
    with pytest.raises(DataError, match="column 'sex' has 1 missing value"):
        problem(sex=sex)
    np.testing.assert_array_equal(made.table.encode(frame(sex=["m  "] * 6)), made.table.encode(frame(sex=["m"] * 6)))


def test_a_text_that_few_rows_hold_never_leaves_its_agent() -> None:
    ward = ["ear"] * 5 + ["eye"] * 5 + ["Ms Lovelace", "Mr Babbage"]
    rows = pd.DataFrame({"site": list("ab") * 6, "ward": ward, "y": [0, 1, 1] * 4}).sort_values("ward")
    rows["site"] = ["a"] * 7 + ["b"] * 5
    made = Problem.from_table(rows, by="site", target="y")
    assert made.table.levels == {"ward": ("ear", "eye", "other")}
    assert made.table.notes == ("texts of 'ward' that fewer than 5 rows of every agent hold are one level, 'other'",)
    new, other = rows.assign(ward="Mr X"), rows.assign(ward="other")
    np.testing.assert_array_equal(made.table.encode(new), made.table.encode(other))
    assert Problem.from_table(rows, by="site", target="y", least=1).table.levels["ward"][0] == "Mr Babbage"
    with pytest.raises(DataError, match="no agent holds any of its 4 levels in 6 rows"):
        Problem.from_table(rows, by="site", target="y", least=6)


@pytest.mark.parametrize(
    ("columns", "how", "message"),
    [
        (
            {"age": ["2020-01-03", "2021-05-06"] * 3},
            {},
            "holds dates as text, such as '2020-01-03'",
        ),
        ({"age": [[1, 2]] * 6}, {}, "'age' holds [1, 2], of the kind list"),
        ({}, {"by": ["clinic"]}, "by=['clinic'] is of the kind list. Give the name of one column"),
        ({}, {"target": 3}, "target=3 is of the kind int"),
        ({}, {"features": "age"}, "features='age' is one word. Give a list of names: features=['age']"),
        ({}, {"least": 0}, "least=0: give a whole number of rows"),
    ],
)
def test_an_argument_of_another_kind_is_refused_in_a_sentence(columns: Any, how: Any, message: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        problem(**columns, **how)
    assert message in str(refusal.value)


def test_text_with_nearly_as_many_values_as_rows_is_refused() -> None:
    names = [f"n{min(i, 29)}" for i in range(40)]
    rows = pd.DataFrame({"site": ["a"] * 40, "name": names, "y": [0, 1] * 20})
    with pytest.raises(DataError, match="is text and has 30 values in 40 rows: a name"):
        Problem.from_table(rows, by="site", target="y", least=1)


def test_a_column_that_differs_only_in_rounding_is_zero_and_told() -> None:
    made = problem(age=[1e15 + i for i in range(6)], sex=None)
    assert not together(made)[:, 0].any()
    assert made.table.notes == ("constant and of no effect: age",)


def test_a_table_never_shows_its_rows() -> None:
    assert "rows=" not in repr(problem().table)
