"""The classical picture: how unlike the clients are, against the methods, judged on digits not trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import optax

from accord import methods
from accord.problems import Problem, softmax
from accord.problems.data import splits as partition
from accord.problems.data.sources.sklearn import Digits
from accord.problems.data.sources.sklearn import digits as handwritten
from accord.results.reports.sections import Chapter
from accord.results.run import Run
from accord.run import Moment
from accord.studies.sections import side_by_side

if TYPE_CHECKING:
    from accord.studies.study import Study

CLASSES, TESTED = 10, 360  # digits held out
ALPHAS = (100.0, 1.0, 0.1)
SEEDS = (0, 1, 2)  # of cohorts and batches; the split is one for each α
TARGET = 0.9


def problem(clients: int = 50, alpha: float = 0.1, l2: float = 1e-3) -> Problem:
    """A linear classifier of 8 × 8 pixels: the mean cross-entropy of each client's digits."""
    features, labels = halves()[0]
    shards = partition.dirichlet((features, labels), clients, alpha)
    return softmax(shards, CLASSES, l2, names=[f"client {k + 1}" for k in range(clients)])


@cache
def halves() -> tuple[Digits, Digits]:
    """Digits to train on, and digits to judge by."""
    features, labels = handwritten()
    features, order = features.astype(np.float32), np.random.default_rng(0).permutation(len(labels))
    return tuple(Digits(features[part], labels[part]) for part in (order[TESTED:], order[:TESTED]))  # pyright: ignore[reportReturnType]


def accuracy(now: Moment) -> dict[str, float]:
    """The share of the digits held out that are read rightly."""
    return {"accuracy": right(now.x)}


def right(x: np.ndarray) -> float:
    """The share of the digits held out that a model (classes, features) reads rightly."""
    features, labels = halves()[1]
    return float(((features @ x.T).argmax(1) == labels).mean())


def variants(study: Study) -> dict[str, Study]:
    """The study by the methods that are compared, all with the study's own local work."""
    local = study.method.local
    chosen = {
        "FedAvg": methods.FedAvg(local),
        "FedProx": methods.FedProx(penalty=0.1, local=local),
        "FedAdam": methods.FedAvg(local, optimizer=optax.adam(0.03)),
        "SCAFFOLD": methods.SCAFFOLD(local),
    }
    return {
        name: dataclasses.replace(study, method=method, method_name=name.lower()) for name, method in chosen.items()
    }


class Split(NamedTuple):
    """The digits dealt out with one α, and what came of it."""

    alpha: float
    problem: Problem
    curves: Mapping[str, np.ndarray]  # (seeds, records) accuracy, by method
    rounds: np.ndarray  # (records,)
    alone: np.ndarray  # (clients,) accuracy of their own models

    def first(self, method: str) -> str:
        """The first round in which every seed has reached the target, or a dash."""
        there = np.flatnonzero(np.minimum.accumulate((self.curves[method] >= TARGET)[:, ::-1], 1)[:, ::-1].all(0))
        return str(int(self.rounds[there[0]])) if len(there) else "–"


def chapters(study: Study, _: Run) -> Iterator[Chapter]:
    """Yield how the digits are dealt out; alone; methods against α."""
    problems = {alpha: problem(study.problem.K, alpha, study.problem.loss.l2) for alpha in ALPHAS}  # pyright: ignore[reportFunctionMemberAccess]
    yield dealt_out(problems)
    splits = compared(study, problems)
    yield alone(splits)
    yield classical(splits)


def compared(study: Study, problems: Mapping[float, Problem]) -> list[Split]:
    """Run every method on every split, with every seed; the seeds of one cost a single compilation."""
    tasks = {}
    for alpha, one in problems.items():
        for name, variant in variants(dataclasses.replace(study, problem=one)).items():
            tasks[f"{name} {alpha:g}"] = partial(_seeds, variant)
    found = side_by_side(tasks)
    names, l2 = list(variants(study)), study.problem.loss.l2  # pyright: ignore[reportFunctionMemberAccess]
    splits = []
    for alpha, one in problems.items():
        runs = {name: found[f"{name} {alpha:g}"] for name in names}
        curves = {name: np.stack([run.history["accuracy"] for run in runs[name]]) for name in names}
        own = np.array([right(own_model(shard[0], shard[1], l2)) for shard in one.shards if len(shard[1])])
        splits.append(Split(alpha, one, curves, runs[names[0]][0].history["round"].to_numpy(), own))
    return splits


def _seeds(study: Study) -> list[Run]:
    return [study.run(seed=seed, measure=accuracy) for seed in SEEDS]


def own_model(
    features: np.ndarray, labels: np.ndarray, l2: float, steps: int = 300, step_size: float = 1.0
) -> np.ndarray:
    """(classes, features), by gradient descent on a client's own digits: what it finds alone."""
    x, wanted = np.zeros((CLASSES, features.shape[1]), features.dtype), np.eye(CLASSES)[labels]
    for _ in range(steps):
        z = features @ x.T
        chances = np.exp(z - z.max(1, keepdims=True))
        chances /= chances.sum(1, keepdims=True)
        x = x - step_size * ((chances - wanted).T @ features / len(labels) + l2 * x)
    return x


def dealt_out(problems: Mapping[float, Problem]) -> Chapter:
    """Tell which client has how many of which digit."""
    from accord.studies.digits.figures import bubbles

    counts = {
        alpha: np.stack([np.bincount(labels, minlength=CLASSES) for _, labels in one.shards])
        for alpha, one in problems.items()
    }
    kinds = {alpha: np.median((count > 0).sum(1)) for alpha, count in counts.items()}
    few, many = ALPHAS[-1], ALPHAS[0]
    sizes = problems[few].sizes
    text = f"""{sum(sizes)} digits to train on are dealt out to {len(sizes)} clients, each label in shares drawn from
    Dirichlet(α, ..., α). With α = {many:g} the middle client has {kinds[many]:.0f} of the ten digits, with α = {few:g}
    it has {kinds[few]:.0f}; sizes then run from {sizes.min()} to {sizes.max()}. {TESTED} digits are held out, and judge
    all that follows."""
    return Chapter("One heap of digits, dealt out three ways", text, bubbles(counts))


def alone(splits: list[Split]) -> Chapter:
    """Tell what clients reach by themselves."""
    from accord.studies.digits.figures import strips

    near, far = splits[0], splits[-1]
    best = {split.alpha: max(np.median(curve[:, -1]) for curve in split.curves.values()) for split in splits}
    text = f"""A client that trains on its own digits only reads {_percent(np.median(near.alone))} of the digits held
    out where all are alike, and {_percent(np.median(far.alone))} with α = {far.alpha:g}: it cannot read what it has
    never seen. The common model reads {_percent(best[near.alpha])} and {_percent(best[far.alpha])}. The more the
    clients differ, the more each has to gain."""
    return Chapter("Alone, one reads what one has seen", text, strips({s.alpha: s.alone for s in splits}, best))


def classical(splits: list[Split]) -> Chapter:
    """Accuracy against rounds, a panel for each α, and the table."""
    import pandas as pd

    from accord.studies.digits.figures import curves

    table = pd.DataFrame({"method": list(splits[0].curves)})
    for split in splits:
        ends = [_ends(curve[:, -1]) for curve in split.curves.values()]
        table[f"α = {split.alpha:g}: accuracy"] = ends
        table[f"rounds to {_percent(TARGET)}, α = {split.alpha:g}"] = [split.first(name) for name in split.curves]
    near, far = splits[0], splits[-1]
    last = [{name: float(np.median(curve[:, -1])) for name, curve in split.curves.items()} for split in (near, far)]
    spread = [max(ends.values()) - min(ends.values()) for ends in last]
    best = max(last[1], key=lambda name: last[1][name])
    late = len(far.rounds) // 2
    shake = {name: float(np.abs(np.diff(curve[:, late:], axis=1)).mean()) for name, curve in far.curves.items()}
    text = f"""All methods do the same local work, twenty steps on sixteen digits, with the same step size. Where
    clients are alike the methods end within {_points(spread[0])} of one another. With α = {far.alpha:g} the ten who
    work in a round pull towards the digits that they have: in the second half FedAvg's accuracy moves by
    {_points(shake["FedAvg"])} from one record to the next, that of SCAFFOLD, which corrects each client's drift, by
    {_points(shake["SCAFFOLD"])}. They end {_points(spread[1])} apart, with {best} ahead at {_percent(last[1][best])}.

    Lines are the middle of {len(SEEDS)} seeds, bands all of them. {TESTED} digits judge: two methods less than
    {_points(2 * np.sqrt(0.95 * 0.05 / TESTED))} apart may be equal. FedProx's penalty and FedAdam's step were not tuned
    to these digits, beyond one try each."""
    return Chapter("The more unlike the clients, the more the method matters", text, curves(splits), table)


def _ends(last: np.ndarray) -> str:
    return f"{100 * np.median(last):.1f} % ({100 * last.min():.1f} to {100 * last.max():.1f})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"
