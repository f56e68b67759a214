"""What leaves an agent during the rounds has passed the channel, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import accord
from accord.channels import Clear
from accord.core.pytrees import pytree
from accord.protocol.messages import COORDINATOR, Envelope
from accord.protocol.transports.queues import QueueTransport

H, C = np.array([1.0, 2.0, 4.0, 3.0]), np.array([0.0, 1.0, 2.0, 6.0])
METHODS = [accord.FedAvg(), accord.FedLT(), accord.FedPD(), accord.Scaffnew(), accord.Ditto()]
IN_TWO_WORKERS: dict[str, Any] = {
    "runtime": accord.runtimes.Threads(workers=2),
    "stop": accord.Stop(rounds=2, progress=0),
}


@pytree
@dataclass(frozen=True)
class Shut(Clear):
    """A channel that passes nothing."""

    def encode(self, message: Any, memory: tuple[()], key: Any) -> tuple[Any, tuple[()]]:
        return jax.tree.map(jnp.zeros_like, message), memory


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Envelope]:
    """All that workers say to their host."""
    sent, send = list[Envelope](), QueueTransport.send

    def kept(self: QueueTransport, to: int, envelope: Envelope) -> None:
        sent.extend([envelope] if to == COORDINATOR else [])
        send(self, to, envelope)

    monkeypatch.setattr(QueueTransport, "send", kept)
    return sent


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_where_a_channel_passes_nothing_the_host_is_answered_the_same_whatever_the_data(
    method: Any, answers: list[Envelope]
) -> None:
    seen = []
    for c in (C[:2], -7 * C[2:]):
        accord.run(accord.problems.quadratic(H[:2], c), method, 1.0, channel=Shut(), **IN_TWO_WORKERS)
        seen.append([(a.sender, *map(np.ndarray.tolist, a.body)) for a in answers if a.kind == "respond"])
        answers.clear()
    assert len(seen[0]) == 4
    assert sorted(seen[0]) == sorted(seen[1])


def test_a_market_is_answered_what_the_channel_passes_too(answers: list[Envelope]) -> None:
    market = accord.problems.dispatch([0.1, 0.2], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [9.0, 9.0], 10.0)
    accord.run(market, accord.DualDecomposition(), channel=Shut(), **IN_TWO_WORKERS)
    said = [number for answer in answers if answer.kind == "respond" for number in answer.body]
    assert len(said) == 2 * 2 * 3
    assert not np.any([np.sum(np.abs(number)) for number in said])


def test_agreement_is_measured_alike_in_one_program_and_in_workers() -> None:
    problem, noise = accord.problems.quadratic(H, C), accord.gaussian_noise(0.1)
    one, other = (
        accord.run(
            problem, accord.Ditto(), channel=noise, runtime=runtime, stop=accord.Stop(rounds=20, progress=0), record=1
        )
        for runtime in (accord.runtimes.Vectorised(), accord.runtimes.Threads(workers=2))
    )
    np.testing.assert_allclose(one.history["disagreement"], other.history["disagreement"], rtol=1e-9, atol=1e-12)


def test_a_personal_model_is_told_of_by_its_distance_alone() -> None:
    """Ditto's disagreement is Σ p_k ‖v_k − w‖² of the round before, and its number is counted in the bytes."""
    problem, stop = accord.problems.quadratic(H, C), accord.Stop(rounds=400, progress=0)
    run = accord.run(problem, accord.Ditto(1.0, accord.GradientDescent(steps=5)), stop=stop)
    apart = problem.weights @ (np.array(run.agents) - run.x) ** 2
    assert run.history["disagreement"].iloc[-1] == pytest.approx(float(apart), rel=1e-9)
    assert run.history["bytes"].iloc[-1] == 400 * 4 * 8 * (1 + 2)


def test_a_method_whose_proposal_is_kept_at_home_is_refused() -> None:
    class Secret(accord.Scaffnew):
        def proposal(self, heard: Any, reply: Any, client: Any) -> Any:
            return client.x

    with pytest.raises(accord.errors.MethodError, match=r"proposal reads the client's state.*field apart"):
        accord.run(accord.problems.quadratic(H, C), accord.methods.traits.method(Secret)())
