"""A fleet that agrees where to meet, and on a map, over a network that changes as it drives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from accord import methods, networks
from accord.core.stopping import Stop
from accord.networks import NetworkSequence
from accord.networks.connectivity import components
from accord.problems import Problem
from accord.results.reports.sections import Chapter
from accord.results.run import Run
from accord.run import Moment, run
from accord.studies.rendezvous import scene
from accord.studies.sections import side_by_side

if TYPE_CHECKING:
    from accord.studies.study import Study

EVERY, FRAMES = 5, 120  # rounds between two pictures of the film; pictures
SILENT = (0.3, 0.6, 0.9)  # chances that a link fails in a round
ROUNDS = 1500
MASTS, LOOKS = 8, 12


def problem(vehicles: int = 24) -> Problem:
    """Σ_k ‖x − c_k‖ / K over the posts c_k: one agent a vehicle."""
    names = [f"vehicle {k + 1}" for k in range(vehicles)]
    return Problem(scene.Way(), list(scene.posts(vehicles)[:, None]), x0=scene.MIDDLE, names=names)


def network(problem: Problem, reach: float = 1.3, rounds: int = 120) -> NetworkSequence:
    """Build the network of vehicles within reach of each other, round by round, as they drive around their posts."""
    return networks.moving(scene.patrols(np.concatenate(problem.shards), rounds), reach)


class Fleet(NamedTuple):
    """The evidence on which the chapters are based."""

    study: Study
    posts: np.ndarray  # (vehicles, 2)
    places: np.ndarray  # (rounds, vehicles, 2)
    meeting: np.ndarray  # (2,) the centralised answer

    @classmethod
    def of(cls, study: Study) -> Fleet:
        """The fleet of a study."""
        posts = np.concatenate(study.problem.shards)
        return cls(study, posts, scene.patrols(posts, len(study.network.members)), study.problem.solve())

    def off(self, now: Moment) -> dict[str, float]:
        """Metres between the common place and that of the vehicle furthest off."""
        return {"metres": 1000 * float(np.linalg.norm(np.stack(now.agents) - self.meeting, axis=1).max())}

    def way(self, x: np.ndarray) -> np.ndarray:
        """(vehicles,) km from each post."""
        return np.linalg.norm(self.posts - x, axis=1)


def chapters(study: Study, run: Run) -> Iterator[Chapter]:
    """The film; the median and the mean; links that fail; a map from bearings."""
    fleet = Fleet.of(study)
    yield never_all(fleet)
    yield median_or_mean(fleet, np.asarray(run.x))
    yield links_that_fail(fleet)
    yield shared_map(fleet)


def filmed(fleet: Fleet, frames: int, every: int) -> np.ndarray:
    """(frames, vehicles, 2): where each vehicle would meet, one picture `every` so many rounds."""
    pictures: list[np.ndarray] = []

    def seen(now: Moment) -> dict[str, float]:
        pictures.append(np.stack(now.agents))
        return fleet.off(now)

    stop = Stop(rounds=(frames - 1) * every, progress=0.0)
    dataclasses.replace(fleet.study, stop=stop).run(record=every, measure=seen)
    return np.stack(pictures)


def never_all(fleet: Fleet) -> Chapter:
    """The agreement as a film."""
    from accord.studies.rendezvous.figures import film

    net = fleet.study.network
    groups = [len(components(net.size, *net.at(t).edges[:2])) for t in range(len(net.members))]
    guesses = filmed(fleet, FRAMES, EVERY)
    far = 1000 * np.linalg.norm(guesses - fleet.meeting, axis=2).max(1)
    text = f"""Each vehicle patrols around its post, and hears those within reach: {net.links / net.size:.1f} others at
    a time. The fleet is never in one piece, but in {min(groups)} to {max(groups)} groups that change as it drives; over
    a patrol word gets everywhere. What a vehicle says is two numbers, where it would meet, and two more that track in
    which direction all posts together pull: 32 bytes, and its post is not among them. All begin with the middle of the
    ground.

    After {EVERY * (FRAMES - 1)} rounds the vehicle furthest off would drive to a place {far[-1]:.0f} m from the common
    one; then they go there."""
    return Chapter("They agree, though never all in touch", text, film(fleet.places, net, guesses, EVERY))


def median_or_mean(fleet: Fleet, found: np.ndarray) -> Chapter:
    """Tell what the sum of ways and the sum of their squares would give, and the exact median."""
    import pandas as pd

    mean, median = fleet.posts.mean(0), scene.median(fleet.posts)
    places = {
        "what the fleet found": found,
        "least total way (geometric median)": median,
        "least sum of squares (mean of the posts)": mean,
        "the middle of the ground": scene.MIDDLE,
    }
    table = pd.DataFrame(
        {
            "meeting place": list(places),
            "east, km": [f"{x[0]:.3f}" for x in places.values()],
            "north, km": [f"{x[1]:.3f}" for x in places.values()],
            "total way, km": [f"{fleet.way(x).sum():.2f}" for x in places.values()],
            "longest, km": [f"{fleet.way(x).max():.2f}" for x in places.values()],
        }
    )
    text = f"""The way is what is minimised, not its square, so that one far vehicle does not draw all others towards
    itself. The fleet's place is {1000 * np.linalg.norm(found - median):.0f} m from the exact geometric median, because
    the way was smoothed within {1000 * scene.NEAR:.0f} m of a post; in total that costs
    {1000 * (fleet.way(found).sum() - fleet.way(median).sum()):.1f} m. The mean lies
    {1000 * np.linalg.norm(mean - median):.0f} m off, and costs
    {1000 * (fleet.way(mean).sum() - fleet.way(median).sum()):.0f} m in total: near its least the sum
    is flat, and what the median gains is robustness rather than fuel."""
    return Chapter("The median, not the mean", text, None, table)


def links_that_fail(fleet: Fleet) -> Chapter:
    """Gradient tracking stays exact on links that fail; steps alone do not."""
    from accord.studies.rendezvous.figures import ways

    study = dataclasses.replace(fleet.study, stop=Stop(rounds=ROUNDS, progress=0.0))
    cases: dict[str, Callable[[], Run]] = {"no link fails": partial(study.run, record=25, measure=fleet.off)}
    for p in SILENT:
        cases[f"{p:.0%} fail"] = partial(study.run, network=study.network.lose(p), record=25, measure=fleet.off)
    cases["DGD, none fails"] = partial(study.with_method("dgd").run, record=25, measure=fleet.off)
    runs = side_by_side(cases)
    ends = {name: float(one.history["metres"].iloc[-1]) for name, one in runs.items()}
    text = f"""A link that fails is silent in both directions for a round, and its weight falls back on the two
    vehicles, so that what the fleet knows together is kept. With every tenth word getting through
    the vehicles still converge on the same place, only later: after {ROUNDS} rounds the furthest is
    {_metres(ends["90% fail"])} off, with six tenths lost {_metres(ends["60% fail"])}, with none
    {_metres(ends["no link fails"])}.

    DGD steps along its own gradient and averages. It lacks what gradient tracking passes on, the pull of all posts,
    and with the step chosen for it ends {_metres(ends["DGD, none fails"])} off, without any loss."""
    rounds = {name: one.history["round"].to_numpy() for name, one in runs.items()}
    metres = {name: one.history["metres"].to_numpy() for name, one in runs.items()}
    return Chapter("Links that fail cost time, not truth", text, ways(rounds, metres))


def shared_map(fleet: Fleet) -> Chapter:
    """Masts from bearings: each vehicle sees a few, and all have the map."""
    from accord.studies.rendezvous.figures import chart

    found = scene.surveyed(fleet.places, MASTS, LOOKS)
    pooled = np.asarray(found.problem.solve())
    outcome = run(
        found.problem,
        methods.ATCGradientTracking(),
        network=fleet.study.network,
        stop=Stop(rounds=2500, progress=0.0),
        record=500,
    )
    maps = np.stack(outcome.agents).reshape(-1, MASTS, 2)
    apart = 1000 * np.linalg.norm(maps - pooled.reshape(MASTS, 2), axis=2).max()
    wrong = 1000 * np.linalg.norm(maps[0] - found.masts, axis=1)
    known = [len({m for m, *_ in own}) for own in found.seen]
    one = int(np.argsort(known, kind="stable")[len(known) // 2])
    text = f"""On patrol the vehicles take bearings of {MASTS} masts, a degree right or wrong, when one is within
    {scene.SIGHT:g} km. A bearing says on which line a mast stands, not where. A vehicle sees {min(known)} to
    {max(known)} of them; none sees all. Their lines are {sum(map(len, found.seen))} rows of least squares, which nobody
    collects.

    In the end every vehicle has the whole map, the same to {_metres(apart)}, and it is what all bearings in one place
    would give. Its masts are {wrong.min():.1f} to {wrong.max():.1f} m from where they stand. Agreeing cannot mend the
    bearings: that is the error of the instruments."""
    return Chapter("A map that nobody could draw alone", text, chart(found, maps[0], one))


def _metres(value: Any) -> str:
    """A distance in its usual unit."""
    for unit, size in (("km", 1000.0), ("m", 1.0), ("cm", 0.01)):
        if value >= size:
            return f"{value / size:.{int(unit == 'km')}f} {unit}"
    return f"{1000 * value:.2g} mm"
