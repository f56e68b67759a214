"""FedProx stands where its exact fixed point is; its steps are safe under any pull."""

from __future__ import annotations

import pytest

import accord

TWO = accord.problems.quadratic(H=[1.0, 10.0], c=[0.0, 1.0])


def test_exact_prox_stands_at_the_fixed_point_known_by_hand() -> None:
    run = accord.run(TWO, accord.FedProx(1.0, accord.ProximalPoint()), stop=accord.Stop(rounds=100, progress=0))
    a = [h / (h + 1) for h in (1.0, 10.0)]
    assert float(run.x) == pytest.approx(a[1] / sum(a), abs=1e-12)
    assert float(run.x) == pytest.approx(0.645161290, abs=1e-9)


def test_many_gradient_steps_are_the_exact_prox_however_hard_the_pull() -> None:
    """A step of 1/L is short enough for f_k + m/2‖y−x‖² with m = 30 L too."""
    local = accord.GradientDescent(steps=400)
    for m in (1.0, 300.0):
        near, exact = (
            accord.run(TWO, accord.FedProx(m, how), stop=accord.Stop(rounds=5, progress=0))
            for how in (local, accord.ProximalPoint())
        )
        assert float(near.x) == pytest.approx(float(exact.x), abs=1e-12)


def test_proximal_point_is_refused_by_a_method_that_does_not_pull() -> None:
    with pytest.raises(accord.errors.MethodError, match="needs a method that pulls"):
        accord.run(TWO, accord.FedAvg(local=accord.ProximalPoint()))
