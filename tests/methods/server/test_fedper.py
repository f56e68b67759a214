"""Parts that stay at home: none, all, or some of a model whose best parts are known in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import accord
from accord.errors import ProblemError, UnknownName
from accord.runtimes import Threads, Vectorised

D, OWN = 4, 2  # places of a decision, and of its head
STOP = accord.Stop(rounds=3000, progress=0)


def clinics(K: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    half = random.normal(size=(K, D, D))
    return half @ half.transpose(0, 2, 1) + np.eye(D), random.normal(size=(K, D)), np.array([0.2, 0.3, 0.5])


H, C, P = clinics()
FLAT = accord.problems.quadratic(H, C, weights=P)


def loss(x: Any, row: Any) -> Any:
    H, c = row
    e = [*(x["body"]["a"] - c[:1]), *(x["body"]["b"] - c[1:2]), *(x["head"] - c[2:])]
    return 0.5 * sum(H[i, j] * e[i] * e[j] for i in range(D) for j in range(D))


START = {"body": {"a": np.zeros(1), "b": np.zeros(1)}, "head": np.zeros(2)}
NAMED = accord.Problem(loss, [(H[k : k + 1], C[k : k + 1]) for k in range(3)], weights=P, x0=START)


def best(p: np.ndarray) -> np.ndarray:
    """(K, D): min over u and v_k of Σ p_k f_k(u, v_k); each v_k in closed form, u from what is left (Schur)."""
    A, B, E = H[:, :2, :2], H[:, :2, 2:], H[:, 2:, 2:]
    left = A - B @ np.linalg.solve(E, B.transpose(0, 2, 1))
    u = np.linalg.solve(np.einsum("k,kij->ij", p, left), np.einsum("k,kij,kj->i", p, left, C[:, :2]))
    v = C[:, 2:] - np.linalg.solve(E, np.einsum("kji,kj->ki", B, u - C[:, :2])[..., None])[..., 0]
    return np.concatenate([np.tile(u, (3, 1)), v], 1)


@pytest.mark.parametrize("runtime", [Vectorised(), Threads()], ids=["vectorised", "threads"])
def test_one_gradient_step_finds_the_shared_part_and_each_of_the_others(runtime: Any) -> None:
    method = accord.FedPer(personal=("head",), local=accord.GradientDescent(steps=1, step_size=0.1))
    stop = STOP if isinstance(runtime, Vectorised) else accord.Stop(rounds=300, progress=0)
    run = accord.run(NAMED, method, stop=stop, runtime=runtime, record=100)
    x = np.array([np.concatenate([*own["body"].values(), own["head"]]) for own in run.agents])
    reached = 1e-9 if isinstance(runtime, Vectorised) else 1e-2
    np.testing.assert_allclose(x, best(P), rtol=0, atol=reached)
    losses = 0.5 * np.einsum("ki,kij,kj->k", x - C, H, x - C)
    np.testing.assert_allclose(run.losses, losses, rtol=0, atol=reached)
    last = run.history.iloc[-1]
    assert last["objective"] == pytest.approx(P @ losses, abs=reached)
    steps = 0.1 * np.einsum("kij,kj->ki", H, x - C)[:, :2]  # of what is shared, from where all stand
    assert last["disagreement"] == pytest.approx(P @ ((steps - P @ steps) ** 2).sum(1), abs=reached)
    assert last["bytes"] == run.rounds * 3 * 2 * (D - OWN) * 8  # down and up, and nothing of the head
    np.testing.assert_array_equal(run.x["head"], START["head"])


def test_nothing_personal_is_fedavg() -> None:
    local, stop = accord.GradientDescent(steps=5), accord.Stop(rounds=20, progress=0)
    one, other = (accord.run(FLAT, method(local=local), stop=stop) for method in (accord.FedPer, accord.FedAvg))
    np.testing.assert_allclose(one.x, other.x, rtol=1e-13)
    np.testing.assert_allclose(one.history["disagreement"], other.history["disagreement"], rtol=1e-9, atol=1e-15)


def test_everything_personal_is_everybody_for_himself() -> None:
    method = accord.FedPer(personal=((0, D),), local=accord.GradientDescent(steps=5))
    run = accord.run(FLAT, method, stop=accord.Stop(rounds=400))
    np.testing.assert_allclose(run.agents, C, rtol=0, atol=1e-4)
    assert run.converged
    assert run.history["bytes"].iloc[-1] == 0


@pytest.mark.parametrize(
    ("personal", "refusal"),
    [
        (("haed",), (UnknownName, r"No part of the decision is called 'haed'. Did you mean 'head'\?")),
        (("body", "body.a"), (ProblemError, r"The parts stand at \[\(0, 1\), \(0, 2\)\] of 4 places: they overlap")),
        (((2, 5),), (ProblemError, "lie outside")),
        ("head", (ProblemError, r"Give a tuple of names, \('head',\)")),
    ],
)
def test_parts_that_are_not_there_are_refused_at_the_door(personal: Any, refusal: Any) -> None:
    kind, words = refusal
    with pytest.raises(kind, match=words):
        accord.run(NAMED, accord.FedPer(personal=personal))
