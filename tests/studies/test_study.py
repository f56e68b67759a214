"""A study is read as it is written, or refused with the line that is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import accord
from accord.channels import Chain, Clip, GaussianNoise
from accord.errors import DataError, StudyError, UnknownName
from accord.studies import PACKAGED, load
from accord.studies.study import Study, read
from accord.studies.toml_source import Source

BASE = """title = "Two agents"

[problem]
kind = "quadratic"
H = [1, 10]
c = [0, 1]

[method]
name = "fedavg"
local = { kind = "gradient_descent", steps = 10, step_size = 0.05 }

[stop]
rounds = 200
"""
LOCAL = 'local = { kind = "gradient_descent", steps = 10, step_size = 0.05 }'


def study(text: str, folder: Path = Path()) -> Study:
    return read(Source("mine.toml", text), folder / "mine.toml")


def changed(old: str, new: str) -> str:
    assert old in BASE
    return BASE.replace(old, new)


def test_a_study_is_what_it_says() -> None:
    found = study(BASE)
    assert (found.name, found.title, found.method_name) == ("mine", "Two agents", "fedavg")
    assert found.method == accord.FedAvg(accord.GradientDescent(10, 0.05))
    assert found.stop == accord.Stop(rounds=200)
    assert found.network is found.channel is None
    assert float(found.run().x) == pytest.approx(0.713442170, abs=1e-9)  # the fixed point of FedAvg


def test_the_network_is_on_the_problems_agents_and_may_be_changed() -> None:
    network = study(BASE + '[network]\nkind = "ring"\nweights = "lazy"\nlose = 0.25\n').network
    assert network.name == "ring(2).lazy().lose(0.25)"
    np.testing.assert_allclose(network.W, accord.networks.ring(2).lazy().W)


def test_channels_stand_in_their_order() -> None:
    text = BASE + '[[channel]]\nkind = "clip"\nbound = 1\n[[channel]]\nkind = "gaussian_noise"\nscale = 0.5\n'
    assert study(text).channel == Chain((Clip(1.0), GaussianNoise(0.5)))


def test_run_settings_reach_the_run() -> None:
    run = study(
        BASE.replace("fedavg", "fedsgd").replace(LOCAL, "") + "[run]\nseed = 7\nparticipation = 1\nrecord = 3\n"
    ).run()
    assert run.facts.seed == 7
    assert "1 of 2 clients a round" in run.facts.given
    assert run.history["round"].head(3).tolist() == [0, 3, 6]


def test_an_optimizer_is_one_of_optax() -> None:
    method = study(changed(LOCAL, 'optimizer = { kind = "sgd", learning_rate = 0.5, momentum = 0.9 }')).method
    assert len(method.optimizer.init(np.zeros(2))) == 2  # momentum, and the step


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed("steps", "stpes"), r"line 10: No key is called 'stpes' in \[method.local\]. Did you mean 'steps'\?"),
        (changed("gradient_descent", "gradient_decent"), "line 10: .*Did you mean 'gradient_descent'?"),
        (changed('"fedavg"', '"fedavgg"'), "line 9: .*Did you mean 'fedavg'?"),
        (changed('name = "fedavg"\n', ""), r"line 8: \[method\] lacks its name"),
        (changed("= 10,", '= "ten",'), r"line 10: steps = 'ten' in \[method.local\]. Give a whole number."),
        (changed("= 10,", "= 2.5,"), "line 10: steps = 2.5 .*Give a whole number."),
        (changed("= 0.05", "= true"), "line 10: step_size = true .*Give a number."),
        (changed(LOCAL, "local = 3"), "line 10: local is not a table"),
        (changed('"quadratic"', '"quadratisch"'), "line 4: .*Did you mean 'quadratic'?"),
        (changed("[1, 10]", "[1, [10]]"), "line 5: H = .*Give an array of numbers."),
        (changed("[1, 10]", "[1, nan]"), "line 3: .*Agent 1: .*NaN"),
        (changed("c = [0, 1]\n", ""), "line 3: .* lacks the key 'c'"),
        (changed("[method]", "[methods]"), "line 8: .* 'methods' in a study. Did you mean 'method'?"),
        (changed('title = "Two agents"', "title = 2"), "line 1: title is not a text"),
        (changed("[stop]\nrounds = 200\n", "[[stop]]\nrounds = 200\n"), "stop is not a table"),
        (changed("rounds = 200", "rounds = -1"), r"line 12: \[stop\]: Stop\(rounds=-1\)"),
        (changed("rounds = 200", "round = 200"), "line 13: No key is called 'round' .*Did you mean 'rounds'?"),
        (changed("c = [0, 1]", "c = [0, 1"), "line 8: "),
        (changed("rounds = 200", "rounds = "), "line 13: "),
        (changed("rounds = 200", "text = '''\n"), "at its end: "),
        ("", r"line 1: The study has no table \[problem\]"),
        (BASE + "[run]\nseed = 0.5\n", "line 15: seed = 0.5 .*Give a whole number."),
        (BASE + "[run]\nparticipation = 'all'\n", "line 15: participation = 'all' .*Give a number or a whole number."),
        (BASE + "[network]\nkind = 'rnig'\n", "line 15: .*Did you mean 'ring'?"),
        (BASE + "[network]\nkind = 'ring'\nlsoe = 0.1\n", "line 16: .*Did you mean 'lose'?"),
        (BASE + "[network]\nkind = 'ring'\nlose = 2\n", r"line 16: \[network.lose\]: lose\(2"),
        (BASE + "[network]\nkind = 'ring'\nweights = 'lzay'\n", "line 16: .*Did you mean 'lazy'?"),
        (BASE + "[network]\nkind = 'hypercube'\nn = 5\n", "line 14: .*power of two"),
        (BASE + "[channel]\nkind = 'clip'\n", "line 14: channel is not a list of tables"),
        (BASE + 2 * "[[channel]]\nkind = 'clip'\nbuond = 1\n", "line 16: .*Did you mean 'bound'?"),
        (BASE + "[[channel]]\nkind = 'clip'\nbound = -1\n", r"line 14: \[channel\]: .*bound=-1"),
    ],
)
def test_what_is_wrong_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(StudyError, match=f"^mine.toml, .*{message}".replace("?", r"\?").replace(r"\\?", r"\?")):
        study(text)


TABLE = (
    '[problem]\ntable = "rows.csv"\nby = "farm"\ntarget = "crop"\nmodel = "least_squares"\n[method]\nname = "fedsgd"\n'
)


def test_a_table_lies_beside_its_study(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("farm,rain,crop\nA,1,2\nA,3,3\nB,5,6\nB,7,7\n")
    assert study(TABLE, tmp_path).problem.names == ("A", "B")


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"line 2: There is no file '.*rows\.csv'"):
        study(TABLE, tmp_path)


def test_what_is_wrong_with_the_data_keeps_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("farm,rain,crop\nA,1,2\nA,,3\nB,5,6\n")
    with pytest.raises(StudyError, match=r"line 1: .*'rain'") as caught:
        study(TABLE, tmp_path)
    assert isinstance(caught.value.__cause__, DataError)
    with pytest.raises(StudyError, match=r"line 3: .*Did you mean 'standardise'"):
        study(TABLE.replace('by = "farm"', "standardize = true\nby = 'farm'"), tmp_path)


def test_an_unknown_study_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'hospitals'"):
        load("hospital")


def test_another_method_brings_the_network_it_needs_and_leaves_what_it_cannot_use() -> None:
    server = study(BASE + "[run]\nparticipation = 0.5\n")
    peers = server.with_method("dgd")
    assert (peers.network.name, peers.settings.participation) == ("ring(2)", None)
    assert peers.with_method("fedsgd").network is None
    assert server.with_method("fedavg").method is server.method
    with pytest.raises(UnknownName, match="Did you mean 'scaffold'"):
        server.with_method("scafold")


def test_a_preset_keeps_its_name() -> None:
    assert study(BASE).with_method("fedadam").run().facts.method == "FedAdam"


def test_every_packaged_study_can_be_read_and_says_what_it_is() -> None:
    assert {"dispatch", "hospitals", "sensors"} <= set(PACKAGED)
    for name in PACKAGED:
        found = load(name)
        assert found.title != name
        assert found.about


def test_dispatch_finds_the_published_answer() -> None:
    run = load("dispatch").run()  # Saadat 7.6
    assert run.converged
    np.testing.assert_allclose(run.prices, [9.4], atol=1e-9)
    np.testing.assert_allclose(np.ravel(run.x), [450, 325, 200], atol=1e-8)
    assert run.history["objective"].iloc[-1] == pytest.approx(8236.25, abs=1e-8)


def test_sensors_find_the_mean() -> None:
    run = load("sensors").run()
    assert run.converged
    assert float(run.x) == pytest.approx(8.5, abs=1e-6)


def test_hospitals_find_the_model_of_all_their_rows() -> None:
    found = load("hospitals")
    run = found.run()
    assert run.converged
    assert run.facts.agents == ("Michigan", "Indiana", "Kentucky", "Case Western")
    assert run.facts.sizes == (164, 413, 22, 3)
    np.testing.assert_allclose(run.x, found.problem.solve(), atol=1e-4)
