"""The commands glm, cox and describe: what they print, and the page they write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from accord.cli.main import app

TRIAL = ["glm", "hospitals", "--by", "hospital", "--formula", "pancreatitis ~ indomethacin", "--family", "binomial"]
LUNG = ["cox", "lung", "--by", "inst", "--duration", "time", "--event", "event", "--formula", "age + sex + ph.ecog"]


def _said(arguments: list[str]) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_glm_prints_one_object() -> None:
    told = json.loads(_said([*TRIAL, "--json"]))
    assert told["terms"]["indomethacin"]["p"] == pytest.approx(0.0052871031, abs=1e-9)
    assert (told["nobs"], told["rounds"]) == (602, 6)


def test_glm_writes_a_page_with_a_forest_and_what_left_each_site(tmp_path: Path) -> None:
    said = _said([*TRIAL, "--out", str(tmp_path)])
    assert "-0.7051" in said
    page = (tmp_path / "index.html").read_text()
    for title in ("What was estimated", "Ratios", "own estimates beside the common one", "What left each agent"):
        assert title in page
    assert "data:image/svg+xml" in page
    assert "−0.7051" in page


def test_cox_writes_a_page(tmp_path: Path) -> None:
    told = json.loads(_said([*LUNG, "--strata", "inst", "--json", "--out", str(tmp_path)]))
    assert told["terms"]["sex"]["coef"] == pytest.approx(-0.54735668, abs=1e-8)
    assert told["dropped"] == {"21": 1, "no agent": 1}
    assert "Are hazards proportional?" in (tmp_path / "index.html").read_text()


def test_describe_writes_table_one(tmp_path: Path) -> None:
    said = _said(["describe", "heart", "--by", "center", "--columns", "age,sex", "--out", str(tmp_path)])
    assert "726 (78.9 %)" in said
    assert "Cleveland (n = 303)" in (tmp_path / "index.html").read_text()


def test_what_is_wrong_is_one_sentence() -> None:
    result = CliRunner().invoke(app, ["glm", "hospitls", "--by", "hospital", "--formula", "y ~ x"])
    assert result.exit_code == 2
    assert "Did you mean 'hospitals'" in result.output


EXAMPLE = Path(__file__).parents[2] / "examples" / "trial.toml"


def test_a_study_of_kind_inference_is_fitted_and_writes_the_page_of_the_command(tmp_path: Path) -> None:
    said = _said(["run", str(EXAMPLE), "--out", str(tmp_path)])
    assert "-0.7279" in said
    page = (tmp_path / "index.html").read_text()
    for words in ("Indomethacin after ERCP", "never met", "Ratios", "What left each agent", "−0.7279"):
        assert words in page


def test_such_a_study_prints_one_object() -> None:
    told = json.loads(_said(["run", str(EXAMPLE), "--json"]))
    assert told["terms"]["indomethacin"]["std_err"] == pytest.approx(0.25732759, abs=1e-8)  # HC0


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        ('kind = "glm"', 'kind = "gml"', "line 6: No kind is called 'gml' in [inference]. Did you mean 'glm'?"),
        ("formula =", "fomula =", "line 10: No key is called 'fomula' in [inference]. Did you mean 'formula'?"),
        ("[inference]", "[network]\n[inference]", "line 5: No table or key is called 'network' in a study of kind"),
        ('"hospitals"', '"hospitls"', "Did you mean 'hospitals'?"),
        ("covariance =", "runtime =", "No key is called 'runtime'"),
        ("+ sod", "+ sodd", "[inference]: No column"),
        ("covariance =", "limits = { cells = 3 }\ncovariance =", "No key is called 'cells'"),
    ],
)
def test_what_is_wrong_in_it_is_named_with_its_line(tmp_path: Path, old: str, new: str, refusal: str) -> None:
    path = tmp_path / "mine.toml"
    text = EXAMPLE.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    result = CliRunner().invoke(app, ["run", str(path), "--json"])
    assert result.exit_code == 2
    assert refusal in result.output


def test_an_option_that_means_nothing_to_it_is_refused() -> None:
    result = CliRunner().invoke(app, ["run", str(EXAMPLE), "--rounds", "3"])
    assert result.exit_code == 2
    assert "--rounds means nothing" in result.output
    result = CliRunner().invoke(app, ["compare", str(EXAMPLE), "--methods", "fedavg"])
    assert "Use accord run" in result.output
