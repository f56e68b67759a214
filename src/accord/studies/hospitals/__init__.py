"""Four hospitals, one model: by five methods, alone or together, as each of them sees it.

How good a model is, is measured on patients that it has not seen, with intervals, since the data are small.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from accord import methods
from accord.core.formatting import number
from accord.core.stopping import Stop
from accord.results.reports.sections import Chapter
from accord.results.run import Run, data_size
from accord.studies.hospitals import validation
from accord.studies.hospitals.models import (
    ALONE,
    BASE,
    PERSONAL,
    PULLS,
    RATE,
    TOGETHER,
    Rows,
    Scores,
    held_out,
    personal,
)
from accord.studies.hospitals.validation import Estimate
from accord.studies.sections import side_by_side

if TYPE_CHECKING:
    from accord.studies.study import Study

LAMBDA = 0.3  # of personal models
LOCAL = methods.GradientDescent(steps=5)
FEDERATED = {
    "FedAvg": methods.FedAvg(LOCAL),
    "SCAFFOLD": methods.SCAFFOLD(LOCAL),
    "Ditto": methods.Ditto(penalty=LAMBDA, local=LOCAL),
    "Newton": methods.Newton(),
}
STOP = Stop(rounds=400, progress=0.0)


class Evidence(NamedTuple):
    """The evidence on which the chapters are based."""

    names: tuple[str, ...]
    columns: tuple[str, ...]
    sizes: np.ndarray
    rows: Rows
    common: np.ndarray  # the model of all rows
    runs: Mapping[str, Run]  # by the name of the method
    scores: Scores  # of patients held out

    def loss(self, model: str, k: int) -> np.ndarray:
        """Return the loss of every patient of hospital k, held out."""
        return validation.losses(self.scores[model][k], self.rows.b[k])

    def mean_loss(self, model: str) -> float:
        """Return the mean loss of all patients, held out."""
        return float(np.concatenate([self.loss(model, k) for k in range(len(self.names))]).mean())

    @property
    def judged(self) -> list[int]:
        """Hospitals where a patient fell ill: of the others little is known."""
        return [k for k, b in enumerate(self.rows.b) if b.any()]


def chapters(study: Study, run: Run) -> Iterator[Chapter]:
    """Five methods; together or alone; calibration; the small hospital; personal models; what the data cannot show."""
    others = {
        name: dataclasses.replace(study, method=method, method_name=name.lower(), network=None, stop=STOP)
        for name, method in FEDERATED.items()
    }
    tasks: dict[str, Callable[[], Any]] = {
        name: partial(other.run, record=1 if name == "Newton" else 10) for name, other in others.items()
    }
    known = side_by_side({"held out": partial(evidence, study, {}), **tasks})  # which is no method's name
    found = known.pop("held out")._replace(runs={run.facts.method: run, **known})
    yield five_methods(found)
    yield together_or_alone(found)
    yield wrong_risks(found)
    yield small_hospital(found)
    yield ones_own(found)
    yield Chapter("What these data cannot say", CANNOT)


def evidence(study: Study, runs: Mapping[str, Run]) -> Evidence:
    """The study's rows, the model of all of them, and what models predict for patients that they have not seen."""
    problem, rows = study.problem, Rows.of(study.problem)
    common = rows.common([np.ones(len(b), bool) for b in rows.b])
    return Evidence(problem.names, problem.table.columns, problem.sizes, rows, common, runs, held_out(rows, LAMBDA))


def five_methods(found: Evidence) -> Chapter:
    """Tell how near each comes to the model of all rows, and what it costs."""
    from accord.results.reports.figures import comparison_figure

    optimum = found.rows.objective(found.common)
    newton = found.runs["Newton"].history
    near = newton[newton["objective"] - optimum <= 1e-10 * (newton["objective"].iloc[0] - optimum)].iloc[0]
    exact = [name for name, run in found.runs.items() if run.facts.exact is True]
    floor = float(found.runs["FedAvg"].history["objective"].iloc[-1]) - optimum
    text = f"""Patients' rows never leave a hospital; models and gradients do. {_listed(exact)} reach the model that all
    {found.sizes.sum()} rows in one place would give. FedAvg steps {LOCAL.steps} times at each hospital between two
    messages, and since hospitals differ, those steps lead apart: it stands still {number(floor, 2)} above the optimum.
    To a doctor that is nothing; to whoever was promised the answer of a pooled analysis, it is another answer.
    SCAFFOLD sends a correction along, for twice the bytes. Newton's method sends second derivatives, and is there to
    ten digits of what was to gain after {int(near["round"])} rounds and {data_size(near["bytes"])}: with
    {len(found.common)} weights that is the method to take. Ditto finds FedAvg's model and, beside it, one for each
    hospital."""
    return Chapter("Five methods, one model", text, comparison_figure(found.runs, optimum))


LESS, AUC = "Loss, less that of the hospital's own model", "AUC: 0.5 is a coin"


def together_or_alone(found: Evidence) -> Chapter:
    """Tell who gains and who loses, on patients that no model has seen."""
    import pandas as pd

    from accord.studies.hospitals.figures import estimates

    kinds, K = (ALONE, TOGETHER, PERSONAL), range(len(found.names))
    areas = {kind: [validation.auc(found.scores[kind][k], found.rows.b[k]) for k in K] for kind in kinds}
    gains = {kind: [validation.mean(found.loss(kind, k) - found.loss(ALONE, k)) for k in K] for kind in kinds}
    table = pd.DataFrame(
        {
            "hospital": found.names,
            "patients": found.sizes,
            "fell ill": [int(b.sum()) for b in found.rows.b],
            **{f"loss, {kind}": [float(found.loss(kind, k).mean()) for k in K] for kind in kinds},
            **{f"AUC, {kind}": [str(area._replace(low=np.nan)) for area in areas[kind]] for kind in kinds},
        }
    )
    panels = {
        LESS: {kind: [gains[kind][k] for k in found.judged] for kind in kinds},
        AUC: {kind: [areas[kind][k] for k in found.judged] for kind in kinds},
    }
    figure = estimates(panels, [found.names[k] for k in found.judged], {LESS: 0.0, AUC: 0.5})
    text = _who_gains(found, gains[TOGETHER], areas[TOGETHER])
    return Chapter("Together or alone, on patients not seen", text, figure, table)


def _who_gains(found: Evidence, gains: list[Estimate], areas: list[Estimate]) -> str:
    """Write who gains in words, by the signs of the gains and of the ends of their intervals."""
    most = min(found.judged, key=lambda k: gains[k].value)
    least = max(found.judged, key=lambda k: gains[k].value)
    surely = [found.names[k] for k in found.judged if gains[k].high < 0]
    harmed = [found.names[k] for k in found.judged if gains[k].low > 0]
    told = [f"{areas[k]} at {found.names[k]}" for k in found.judged if not np.isnan(areas[k].low)]
    return f"""How each agent fares above is told of the rows that the model was made from, which flatters it. Here
    every model is judged on patients that it was not made from: each hospital's rows are dealt into five parts, four
    make the models and the fifth judges them, ten times over. Lines are 95 % intervals. They take the models as given,
    and so are a little too short.

    With the common model {found.names[most]}'s loss changes most, by {gains[most]} a patient, and
    {found.names[least]}'s least, by {gains[least]}. Beyond doubt {_listed(surely) or "no single hospital"} gains, and
    beyond doubt {_listed(harmed) or "none"} loses: that working together helps is likely, and
    these data do not prove it. The personal model, held between the two, is never far from the better of them.

    All tell patients apart poorly. The AUC of the common model is {_listed(told)}; elsewhere there are too few events
    to give an interval. Better than a coin, perhaps, and not enough to choose a treatment by."""


def wrong_risks(found: Evidence) -> Chapter:
    """Calibration: how many were foretold to fall ill, and how many did."""
    from accord.studies.hospitals.figures import calibration

    foretold = {
        kind: [float((1 / (1 + np.exp(-scores))).mean()) for scores in found.scores[kind]] for kind in (TOGETHER, BASE)
    }
    observed, everyone = [validation.rate(b) for b in found.rows.b], float(np.concatenate(found.rows.b).mean())
    k = max(found.judged, key=lambda k: abs(foretold[TOGETHER][k] - observed[k].value))
    text = f"""The common model's order is right more often than not. Over all hospitals it foretells as many as fell
    ill, {_percent(everyone)}, since no penalty holds its intercept; but hospitals differ, and its columns do not say
    why: at {found.names[k]} it foretells {_percent(foretold[TOGETHER][k])} where {_percent(observed[k].value)} fell
    ill. On patients not seen it loses {found.mean_loss(TOGETHER):.3f}; to tell everyone the hospital's rate would lose
    {found.mean_loss(RATE):.3f}.

    The cure needs no message. Each hospital moves the log-odds by one number, so that they fit its own rows: the
    weights are common, the base rate is its own. That loses {found.mean_loss(BASE):.3f}, and foretells
    {_percent(foretold[BASE][k])} at {found.names[k]}. It is what one does with a published model in a new place."""
    return Chapter("Right order, wrong risks", text, calibration(observed, foretold, found.names))


def small_hospital(found: Evidence) -> Chapter:
    """Tell what the smallest hospital with an event would believe, alone and together."""
    from accord.studies.hospitals.figures import weights

    k = min(found.judged, key=lambda k: found.sizes[k])
    A, b, l2 = found.rows.A[k], found.rows.b[k], found.rows.l2
    own = validation.fitted(A, b, l2)
    between = validation.fitted(A, b, l2, pull=LAMBDA, towards=found.common)
    far = [i for i in np.argsort(-np.abs(own - found.common)) if found.columns[i] != "intercept"][:10]
    lost = {kind: found.loss(kind, k).mean() for kind in (ALONE, TOGETHER, PERSONAL)}
    by_heart = validation.losses((A @ own)[None], b).mean()
    text = f"""{found.names[k]} has {found.sizes[k]} patients, {int(b.sum())} of whom fell ill, and {len(own)} weights
    to find. On the patients it was made from, its own model loses {by_heart:.2f}; on those it has not seen,
    {lost[ALONE]:.2f}. It has learnt its patients by heart. The common model loses {lost[TOGETHER]:.2f} on them, the
    personal one {lost[PERSONAL]:.2f}.

    Below are the ten weights on which alone and together differ most. Of {found.columns[far[0]]}
    {found.names[k]} by itself would believe {_signed(own[far[0]])} for each standard deviation more; the other
    hospitals' patients do not bear that out ({_signed(found.common[far[0]])})."""
    models = {ALONE: own, TOGETHER: found.common, PERSONAL: between}
    figure = weights([found.columns[i] for i in far], {kind: x[far] for kind, x in models.items()})
    return Chapter(f"What {found.names[k]} sees", text, figure)


def ones_own(found: Evidence) -> Chapter:
    """Personal models from one's own to the common, and where Ditto's are among them."""
    from accord.studies.hospitals.figures import pulls

    ways = {ALONE: ALONE, **{f"λ = {pull:g}": personal(pull) for pull in PULLS}, "the common model": TOGETHER}
    curves = {
        found.names[k]: [float((found.loss(way, k) - found.loss(ALONE, k)).mean()) for way in ways.values()]
        for k in found.judged
    }
    best = {name: list(ways)[int(np.argmin(curve))] for name, curve in curves.items()}
    ditto, rows = found.runs["Ditto"], found.rows
    sought = [validation.fitted(A, b, rows.l2, pull=LAMBDA, towards=ditto.x) for A, b in zip(rows.A, rows.b)]
    miss = max(float(np.abs(v - x).max()) for v, x in zip(ditto.agents, sought, strict=True))
    text = f"""Ditto gives hospital k a model of its own, argmin f_k(v) + λ/2 ‖v − w‖², held near the common w: its own
    for λ = 0, the common one for a large λ. On patients not seen the best is
    {_listed([f"{way} for {name}" for name, way in best.items()])}.
    {"Nobody does best alone." if ALONE not in best.values() else ""}

    λ was not chosen by this picture, which would flatter it: all other chapters have λ = {LAMBDA:g}. What Ditto found
    in {ditto.rounds} rounds differs from these minimisers by {number(miss, 2)} at most in any weight."""
    return Chapter("A model of one's own", text, pulls(PULLS, curves))


CANNOT = """79 of 602 patients fell ill, at four hospitals, two of which have 22 patients and 3. Whatever sets these two
apart may be chance; Case Western saw no event, and so has no AUC.

The rows come from a trial. Its drug stands among the columns because half of the patients had it. Weights are
associations, and do not say what to do for a patient; some columns are known only during the procedure, so that this
is no rule for deciding before it.

Nobody has tried the model at a fifth hospital. And that rows stay at home is not privacy by itself: gradients tell
something of the rows they come from, and those of three patients may tell much."""


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _signed(value: Any) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _listed(words: list[str]) -> str:
    """The words with an "and" before the last; nothing of nothing."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
