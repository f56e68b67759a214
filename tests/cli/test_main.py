"""The command line: what it prints, what it writes, and how it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from accord.cli.main import app
from accord.methods import BY_NAME
from accord.results.run import Run

STUDY = """title = "Three farms"
[problem]
kind = "quadratic"
names = ["north", "south", "west"]
H = [1, 2, 4]
c = [0, 3, 1]
[method]
name = "fedsgd"
[stop]
rounds = 100
"""

KEYS = ["method", "runtime", "agents", "rounds", "converged", "reason", "objective", "disagreement", "worst_agent"]
KEYS += ["worst", "messages", "bytes", "gradients", "seconds", "status"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands write where they are called: in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "farms.toml").write_text(STUDY)


def accord(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == code, result.output
    return result


def test_run_tells_who_ended_where_and_writes_a_page() -> None:
    said = accord("run", "farms.toml", "--agents").stdout
    assert "Three farms" in said
    assert "FedSGD with 3 agents converged" in said
    assert said.index("south") < said.index("north")  # the worst off first
    assert "The report is accord-runs/farms/index.html" in said
    page = Path("accord-runs/farms/index.html").read_text()
    assert "<h1>Three farms</h1>" in page
    assert "own model, all rows" in page
    assert Run.load("accord-runs/farms").converged


def test_json_is_one_object_and_nothing_else() -> None:
    result = accord("run", "farms.toml", "--json")
    summary = json.loads(result.stdout)
    assert list(summary) == KEYS
    assert (summary["method"], summary["agents"], summary["worst_agent"]) == ("FedSGD", 3, "south")
    assert summary["converged"] is True
    assert result.stderr == ""
    assert not Path("accord-runs").exists()


def test_json_writes_the_report_where_it_is_told_to() -> None:
    result = accord("run", "farms.toml", "--json", "--out", "here")
    assert list(json.loads(result.stdout)) == KEYS
    assert Path("here/index.html").exists()


def test_the_doctor_tells_and_writes_a_page() -> None:
    said = accord("doctor", "farms.toml", "--no-check").stdout
    assert "3 agents have 3 examples" in said
    assert "Advice: " in said
    assert "<h1>Three farms</h1>" in Path("accord-runs/farms-examined/index.html").read_text()
    summary = json.loads(accord("doctor", "farms.toml", "--no-check", "--json").stdout)
    assert [row["agent"] for row in summary["table"]] == ["north", "south", "west"]


def test_caps_and_groups_of_a_run() -> None:
    """The losses ½h(x − c)² of south and north are one at x = 3√2/(1 + √2): 1.544, the least that both can have."""
    said = accord("run", "farms.toml", "--cap", "west=0.9", "--rounds", "1000", "--brief").stdout
    assert "No model keeps every agent below 1.544" in said
    assert "What fairness costs" in Path("accord-runs/farms/index.html").read_text()
    assert "cannot meet its caps" in accord("run", "farms.toml", "--cap", "1", "--quiet", "--brief", code=5).stdout
    assert "no table whose column 'sex'" in accord("run", "farms.toml", "--group", "sex", code=2).output


def test_options_stand_in_for_the_study() -> None:
    summary = json.loads(
        accord("run", "farms.toml", "--json", "--method", "dgd", "--rounds", "4", "--runtime", "threads").stdout
    )
    assert (summary["method"], summary["rounds"], summary["runtime"]) == ("DGD", 4, "threads")


def test_a_seed_fixes_what_is_drawn() -> None:
    words = ("run", "farms.toml", "--json", "--method", "fedavg", "--rounds", "5")
    Path("farms.toml").write_text(STUDY + "[run]\nparticipation = 1\n")
    found = [json.loads(accord(*words, "--seed", seed).stdout)["objective"] for seed in ("1", "1", "2")]
    assert found[0] == found[1] != found[2]


def test_a_run_that_does_not_converge_says_so_and_succeeds() -> None:
    said = accord("run", "farms.toml", "--rounds", "3", "--quiet").stdout
    assert "stopped at its limit of 3 rounds" in said
    assert "examples" not in said  # no table


def test_prices_run_by_the_same_command() -> None:
    said = accord("run", "dispatch").stdout
    assert all(words in said for words in ("G1", "450.0", "8236.25", "A planner who knew every cost"))


def test_a_checkpoint_is_kept() -> None:
    accord("run", "farms.toml", "--quiet", "--checkpoint", "kept")
    assert any(Path("kept").iterdir())


def test_compare_puts_server_and_peers_beside_each_other() -> None:
    said = accord("compare", "farms.toml", "--methods", "fedsgd, dgd,gradient_tracking").stdout
    assert said.index("fedsgd") < said.index("dgd")  # the nearest first
    assert "Peers talk over the ring(3): dgd, gradient_tracking." in said
    page = Path("accord-runs/farms-compared/index.html").read_text()
    assert all(f">{name}</text>" in page for name in ("fedsgd", "dgd", "gradient_tracking"))


def test_methods_lists_every_one_in_its_pattern() -> None:
    said = accord("methods").stdout
    assert all(f" {name} " in said for name in BY_NAME)
    assert (
        said.index("Server") < said.index(" fedavg ") < said.index("Peers") < said.index(" dgd ") < said.index("Prices")
    )
    assert "doubly stochastic" in said


def test_one_method_tells_its_equations_and_its_rule() -> None:
    said = accord("methods", "dgd").stdout
    assert "DGD(step_size: float | None = None, batch_size: int | None = None)" in said
    assert "Source:" in said
    assert "The step size, if not given, is" in said


def test_a_report_is_written_anew_with_the_story_it_had() -> None:
    accord("run", "farms.toml", "--quiet", "--out", "here")
    before = Path("here/index.html").read_bytes()
    Path("here/index.html").unlink()
    accord("report", "here")
    assert Path("here/index.html").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "hospitls"), "No study is called 'hospitls', and no file either. Did you mean 'hospitals'?"),
        (("run", "farms.toml", "--method", "fedagv"), "No method is called 'fedagv'. Did you mean 'fedavg'?"),
        (("run", "farms.toml", "--runtime", "thread"), "No runtime is called 'thread'. Did you mean 'threads'?"),
        (("run", "farms.toml", "--method", "exchange_admm"), "ExchangeADMM sets prices on a shared constraint"),
        (("run", "farms.toml", "--rounds", "-1"), "Stop(rounds=-1)"),
        (("compare", "farms.toml", "--methods", "fedsgd,dgdd"), "No method is called 'dgdd'. Did you mean 'dgd'?"),
        (("methods", "gradient_trackng"), "Did you mean 'gradient_tracking'?"),
        (("report", "nowhere"), "nowhere/run.json cannot be read"),
    ],
)
def test_what_is_refused_is_one_sentence_and_exit_code_2(words: tuple[str, ...], message: str) -> None:
    result = accord(*words, code=2)
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_a_study_that_is_wrong_is_refused_with_its_line() -> None:
    Path("farms.toml").write_text(STUDY.replace("rounds", "round"))
    assert "farms.toml, line 10: No key is called 'round' in [stop]" in accord("run", "farms.toml", code=2).stderr


def test_help_loads_nothing_that_draws_or_tabulates() -> None:
    probe = "import sys, accord.cli.main; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert "accord.cli.main" in answer.stdout.split()
    assert not {"pandas", "matplotlib", "jinja2", "networkx"} & set(answer.stdout.split())


def test_what_is_kept_of_a_study_of_ones_own_tells_of_no_single_agent_unasked() -> None:
    said = accord("run", "farms.toml").stdout
    assert "It tells of no single agent; --agents asks for them." in said
    page = Path("accord-runs/farms/index.html").read_text()
    assert not any(name in page for name in ("north", "south", "west"))
    assert not Run.load("accord-runs/farms").has_agents
    assert "The report is" in accord("report", "accord-runs/farms").stdout


@pytest.mark.parametrize("command", ["run", "compare", "doctor"])
def test_where_a_report_cannot_be_written_is_found_out_before_anything_starts(command: str) -> None:
    Path("file").touch()
    words = ("--methods", "fedsgd") if command == "compare" else ()
    said = accord(command, "farms.toml", "--out", "file/here", *words, code=2).output
    assert "The report cannot be written to file/here: Not a directory" in said.replace("\n", " ")
    assert "converged" not in said


def test_the_version_is_told() -> None:
    assert accord("--version").stdout == f"accord {version('accord')}\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252"])
def test_a_terminal_without_our_letters_is_told_all_the_same(encoding: str) -> None:
    """`python -m accord`, and λ, ‖ and ✓ where they cannot be written."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    words = [sys.executable, "-m", "accord", "methods", "ditto"]
    told = subprocess.run(words, env=environment, capture_output=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "Li, Hu, Beirami, Smith 2021" in told.stdout.decode(encoding)
