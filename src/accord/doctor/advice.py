"""The advice, in sentences: which pattern, which method, which step size, how many local steps, and why."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from accord.core.formatting import count, number
from accord.doctor.measures import Measures
from accord.doctor.rates import Rounds, longest_delay
from accord.results.run import data_size

if TYPE_CHECKING:
    from accord.doctor.model import Context, FloorComparison

TOLERABLE = 0.01  # of what there is to gain: a floor no higher does for a model that is wanted soon
UNLIKE = 0.3  # δ over L, from which second-order differences make agents strangers


def sentences(
    who: Context, found: Measures, rested: Sequence[FloorComparison], counted: Sequence[Rounds]
) -> Iterator[str]:
    """Advice."""
    if len(who.names) == 1:
        yield "There is one agent: nothing has to be sent, and any solver will do."
        return
    yield from _soon(who, found, rested)
    yield from _exact(who, counted)
    yield _step(who, found)
    if who.network is not None:
        yield from _network(who.network)


def _soon(who: Context, found: Measures, rested: Sequence[FloorComparison]) -> Iterator[str]:
    gain = found.common.start - found.common.value
    fit = [one.floor for one in rested if one.floor.found and one.floor.above <= TOLERABLE * gain]
    if not fit:
        worst = min(rested, key=lambda one: one.floor.above).floor
        yield (
            f"Advice: these agents differ too much for FedAvg, which even with {worst.steps} local steps would stop "
            f"{number(100 * worst.above / gain, 2) if gain > 0 else '∞'} % short of what there is to gain. "
            "Take a method that corrects for it, such as SCAFFOLD, or shorter local steps."
        )
        return
    best = max(fit, key=lambda floor: floor.steps)
    price = data_size(2 * who.vector * len(who.names) * max(best.rounds, 1))
    yield (
        f"Advice: for a good model soon, FedAvg(GradientDescent(steps={best.steps}, "
        f"step_size={best.step_size:.3g})): in {count(best.rounds)} rounds ({price} "
        f"in all) a hundredth of the way to its floor is left, and the floor costs "
        f"{number(100 * best.above / gain, 2)} % of what there is to gain." + _why(found)
    )


def _why(found: Measures) -> str:
    steepest = 2 * found.curved[1] * (found.common.start - found.common.value)  # ‖∇F(x0)‖² is no more
    if 1e-16 * steepest >= found.B:
        return " The agents agree on the optimum, so local work costs no bias at all."
    if found.delta < UNLIKE * found.curved[1]:
        return " The agents are curved alike, which is what keeps the floor low."
    return ""


def _exact(who: Context, counted: Sequence[Rounds]) -> Iterator[str]:
    known = [one for one in counted if math.isfinite(one.predicted)]
    if known:
        best = min(known, key=lambda one: _until(one) * one.bytes / max(one.predicted, 1))
        rounds = _until(best)
        spent = best.bytes * rounds / max(best.predicted, 1)
        yield (
            f"Advice: for the optimum itself, {best.method}: {count(round(rounds))} rounds and "
            f"{data_size(spent)} until {number(who.share, 2)} of the initial gap is left, "
            f"the fewest bytes of those considered.{_whole(who, best.method)}"
        )


def _whole(who: Context, method: str) -> str:
    """Explain why a Hessian is worth its size."""
    if "Newton" not in method:
        return ""
    return (
        f" With {who.size} decisions a Hessian is {who.size * (who.size + 1) // 2:,} numbers, and F is smooth, so "
        "that few rounds are left."
    )


def _until(one: Rounds) -> float:
    """The rounds that it took, or else those foreseen."""
    return one.predicted if math.isnan(one.measured) else one.measured


def _step(who: Context, found: Measures) -> str:
    most = found.curved[1]
    late = longest_delay(who.step_size, most)
    line = f"Advice: a step of 1/L = {number(who.step_size, 3)} is safe everywhere"
    if most * who.step_size < 0.5:
        line += f"; near the optimum F is {number(1 / (most * who.step_size), 2)} times flatter than that assumes"
    return line + f". Near the optimum it bears gradients that are {late} round{'s' if late != 1 else ''} old."


def _network(network: Any) -> Iterator[str]:
    if hasattr(network, "members"):
        return
    delay = longest_delay(1.0, 1 - network.lambda_min)
    late = f"messages that are {delay} round{'s' if delay > 1 else ''} late" if delay > 0 else "no late messages"
    yield (
        f"The {network.name} mixes with γ = {number(network.gamma, 3)} (σ = {number(round(network.sigma, 12), 3)}); "
        f"averaging over it bears {late}."
    )
