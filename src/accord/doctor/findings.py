"""The findings, in sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from accord.core.formatting import count, number
from accord.doctor.measures import Measures
from accord.doctor.rates import Rounds
from accord.problems.population.in_memory import QueryCost
from accord.results.run import data_size

if TYPE_CHECKING:
    from accord.doctor.model import Context, Delay, FloorComparison


class Finding(NamedTuple):
    """A sentence, and what it is about."""

    about: str  # "agents", "difference", "floors", "rounds", "delays" or "privacy"
    sentence: str


AGREE, ROUGHLY = 0.1, 0.25  # shares by which floors, and numbers of rounds, may differ from what was predicted


def sentences(
    who: Context,
    found: Measures,
    rested: Sequence[FloorComparison],
    counted: Sequence[Rounds],
    delays: Sequence[Delay],
    said: Mapping[str, QueryCost],
) -> Iterator[Finding]:
    """Yield what agents are like, what is predicted, and what a run measured."""
    heard, told = (sum(getattr(one, name) for one in said.values()) for name in ("heard", "said"))
    parts = {
        "agents": [*_who(who, found), *_curvature(found), *_gives(who, found)],
        "difference": _difference(who, found),
        "floors": (_floor(one, found, who.checked) for one in rested),
        "rounds": (_rounds(one, who.share, who.checked) for one in counted),
        "delays": map(_delay, delays),
        "privacy": [
            f"For this an agent heard {data_size(heard)} and said {data_size(told)}: losses, gradients and the "
            "like on its own rows, and no row."
        ],
    }
    for about, lines in parts.items():
        yield from (Finding(about, line) for line in lines)


def _who(who: Context, found: Measures) -> Iterator[str]:
    sizes, skew = who.sizes, found.label_skew
    most, least = int(sizes.argmax()), int(sizes.argmin())
    numbers = "one number" if who.size == 1 else f"{count(who.size)} numbers"
    line = f"{len(sizes)} agents have {count(int(sizes.sum()))} examples, and decide on {numbers}"
    if sizes[most] > sizes[least]:
        line += (
            f"; {_called(who, most)} has {count(int(sizes[most]))} of them, {_called(who, least)} {int(sizes[least])}"
        )
    yield line + "."
    if skew is not None:
        k = int(skew.argmax())
        yield (
            f"Their labels differ: {number(100 * float(who.weights @ skew), 2)} % of an agent's rows would have "
            f"to change label to look like everybody's, {number(100 * skew[k], 2)} % of "
            f"{_called(who, k)}'s."
        )


def _called(who: Context, k: int) -> str:
    """Return an agent's name, or "agent 3" where it has none."""
    return f"agent {who.names[k]}" if who.names[k].isdigit() else who.names[k]


def _curvature(found: Measures) -> Iterator[str]:
    least, most = found.curved
    L, mu = float(np.nanmax(found.L)), float(np.nanmin(found.mu))
    yield (
        f"At the common optimum F curves by {number(least, 3)} to {number(most, 3)}, a condition number of "
        f"{number(most / least, 3)}; anywhere, no agent's loss curves by more than {number(L, 3)} or less than "
        f"{number(mu, 3)} ({found.source})."
    )


def _difference(who: Context, found: Measures) -> Iterator[str]:
    start = math.sqrt(float(who.weights @ found.at_start**2))
    root = math.sqrt(found.B)
    share = root / start if start > 0 else 0.0
    yield (
        f"B = Σ p_k ‖∇f_k(x*)‖² = {number(found.B, 3)}: where all would meet, the agents' gradients still are "
        f"{number(100 * share, 2)} % of what they were at the start."
    )
    most = found.curved[1]
    yield (
        f"Their Hessians differ by δ = {number(found.delta, 3)}, {number(100 * found.delta / most, 2)} % of the "
        "largest curvature of F."
    )
    if len(who.names) > 1 and found.conflict.min() < -0.1:
        j, k = sorted(map(int, np.unravel_index(int(found.conflict.argmin()), found.conflict.shape)))
        yield (
            f"Of all, {_called(who, j)} and {_called(who, k)} pull against each other most: the cosine of their "
            f"gradients there is {number(found.conflict[j, k], 2)}."
        )


def _gives(who: Context, found: Measures) -> Iterator[str]:
    loses = found.losses - found.own.value
    if not np.isnan(loses).all():
        k = int(np.nanargmax(loses))
        yield (
            f"On its own rows {_called(who, k)} gives up most: it loses {number(found.losses[k])} at the common "
            f"optimum, and {number(float(found.own.value[k]))} at its own."
        )


def _floor(one: FloorComparison, found: Measures, checked: bool) -> str:
    floor, gain = one.floor, found.common.start - found.common.value
    line = (
        f"FedAvg with {floor.steps} local steps of {number(floor.step_size, 3)} will stand on a floor, "
        f"{number(floor.distance)} from the optimum and {number(floor.above, 3)} above it"
        f"{_of_gain(floor.above, gain)}"
    )
    if not floor.found:
        line += "; the theory does not hold here, since a round of local work from there moves on"
    if checked and math.isnan(one.distance):
        return f"{line}; a run to its end would be too long to check it here."
    nothing = 1e-12 * float(np.linalg.norm(floor.x))
    return line + _beside(floor.distance, one.distance, "a run came to rest {} from it", nothing=nothing) + "."


def _of_gain(above: float, gain: float) -> str:
    return f" ({number(100 * above / gain, 2)} % of what there is to gain)" if gain > 0 else ""


def _rounds(one: Rounds, share: float, checked: bool) -> str:
    if math.isnan(one.predicted):
        return f"How many rounds {one.method} takes is not predicted: {one.basis.removeprefix('none: ')}."
    line = (
        f"{one.method} will take {'at most ' if 'bound' in one.basis else ''}{count(round(one.predicted))} rounds "
        f"and {data_size(one.bytes)} until {number(share, 2)} of the initial gap F − F* is left, by "
        f"{one.basis}"
    )
    if checked and math.isnan(one.measured):
        return f"{line}; a run would be too long to check it here."
    if math.isinf(one.measured):
        return line + "; a run of three times as many did not get there: the theory does not hold here."
    if "bound" in one.basis and one.measured <= one.predicted:
        return line + f"; a run took {count(one.measured)}."
    return line + _beside(one.predicted, one.measured, "a run took {}", count, ROUGHLY) + "."


def _beside(
    predicted: float,
    measured: float,
    words: str,
    write: Callable[[float], str] = number,
    agree: float = AGREE,
    nothing: float = 0.0,
) -> str:
    """Write what a run measured, and whether that agrees; below `nothing` both are rounding."""
    if math.isnan(measured):
        return ""
    apart = abs(measured - predicted) / max(abs(predicted), abs(measured), 1e-300)
    said = f"; {words.format(write(measured))}"
    if max(abs(predicted), abs(measured)) <= nothing or apart < 1e-3:
        return said
    if apart <= agree:
        return f"{said}, {number(100 * apart, 2)} % off"
    return f"{said}, {number(100 * apart, 2)} % off: the theory holds only roughly here"


def _delay(one: Delay) -> str:
    line = (
        f"Gradients that are {one.rounds} round{'s' if one.rounds > 1 else ''} old are borne by steps below "
        f"{number(one.longest, 3)}"
    )
    if one.stable_below is None:
        return line + "."
    if one.stable_below and one.unstable_above:
        return line + "; a step 5 % shorter settled, and one 5 % longer did not."
    return line + "; runs did not confirm it, so the theory does not hold here."
