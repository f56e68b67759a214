"""Fisher scoring on sums: β⁺ = β + (Σ_k I_k)⁻¹ Σ_k U_k, two sums a round (McCullagh, Nelder 1989)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from accord.errors import ProblemError, SeparationError
from accord.inference.design import Design
from accord.inference.families import FAMILIES, LINKS, canonical
from accord.inference.formula import INTERCEPT
from accord.inference.likelihood import from_mean
from accord.inference.packing import unpacked
from accord.inference.sums import Sums

ENOUGH = {True: 1e-14, False: 1e-20}
"""The decrement UᵀI⁻¹U/φ, the squared length of a step in standard errors, below which a step is the last.

Of a canonical link scoring is Newton's method, whose next step would be as short as this one squared."""
ROUNDS = 60
SUSPICIOUS = 8  # rounds after which columns are examined for separation
FLAT = 1e-12  # the least eigenvalue of a scaled information matrix that is not zero


@dataclass(frozen=True)
class Fitted:
    """The end of scoring: coefficients, and the sums there."""

    beta: np.ndarray  # (p,)
    information: np.ndarray  # (p, p) XᵀWX
    observed: np.ndarray  # (p, p) −∂²ℓ/∂β², and
    meat: np.ndarray  # (p, p) what a sandwich is made of; the information unless one was asked for
    null: float  # the intercept alone
    alpha: float
    deviance: float
    null_deviance: float
    pearson: float
    loglik: float  # with φ = 1
    null_loglik: float
    counts: np.ndarray  # n, Σw, rows with an event, rows with none


@dataclass(frozen=True)
class Subspace:
    """β = particular + basis γ: what a linear hypothesis leaves free."""

    particular: np.ndarray  # (p,)
    basis: np.ndarray  # (p, q)

    @classmethod
    def whole(cls, p: int) -> Subspace:
        """Return the whole space: no hypothesis."""
        return cls(np.zeros(p), np.eye(p))

    @classmethod
    def of(cls, R: np.ndarray, r: np.ndarray) -> Subspace:
        """Return all β with R β = r."""
        particular = np.linalg.lstsq(R, r, rcond=None)[0]
        _, values, right = np.linalg.svd(R)
        return cls(particular, right[int((values > 1e-12).sum()) :].T)

    def nearest(self, beta: np.ndarray) -> np.ndarray:
        """The point of it nearest to β."""
        return self.particular + self.basis @ (self.basis.T @ (beta - self.particular))

    def step(self, information: np.ndarray, pull: np.ndarray) -> np.ndarray:
        """The step within it that solves I δ = pull."""
        if not self.basis.shape[1]:
            return np.zeros(len(pull))
        return self.basis @ solved(self.basis.T @ information @ self.basis, self.basis.T @ pull)


def scaled(information: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """D⁻½ I D⁻½ and D½, D the diagonal: free of units."""
    d = np.sqrt(np.maximum(np.diag(information), 0))
    d = np.where(d > 0, d, 1)
    return information / np.outer(d, d), d


def solved(information: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """I⁻¹ pull, free of units."""
    matrix, d = scaled(information)
    return np.linalg.solve(matrix, pull / d) / d


def inverse(information: np.ndarray) -> np.ndarray:
    """I⁻¹, symmetric to the last digit."""
    matrix, d = scaled(information)
    whole = np.linalg.inv(matrix) / np.outer(d, d)
    return (whole + whole.T) / 2


def refuse_singular(information: np.ndarray, names: Sequence[str]) -> None:
    """Raise `ProblemError` that names the columns of which one follows from the others."""
    matrix, _ = scaled(information)
    values, vectors = np.linalg.eigh(matrix)
    if values[0] > FLAT:
        return
    loads = np.abs(vectors[:, 0])
    involved = [name for name, load in zip(names, loads, strict=True) if load > 1e-3 * loads.max()]
    if len(involved) == 1:
        raise ProblemError(f"Column {involved[0]!r} is zero in every row of every agent. Leave it out.")
    raise ProblemError(
        f"The columns {', '.join(map(repr, involved))} determine one another: none of "
        f"their coefficients is unique (least eigenvalue {values[0]:.1e}). Leave one of them out."
    )


def fit(sums: Sums, design: Design, names: Sequence[str], space: Subspace | None = None) -> Fitted:
    """The maximum of the likelihood. Raises `ProblemError` and `SeparationError`."""
    space = space or Subspace.whole(len(names))
    gram, pull, intercept, counts = sums.total("start", design)
    gram = unpacked(gram)
    _refuse_few(design, counts, names)
    refuse_singular(gram, names)
    null, base = intercept[1] / intercept[0], space.particular
    if from_mean(design):  # from η = g(ȳ) everywhere, U = Xᵀw(y − ȳ) dμ/dη / V and I = XᵀwX (dμ/dη)²/V
        link, mean = LINKS[design.model[1]], null
        null = float(link.link(mean))
        base = np.where(is_intercept(design, names), null, 0.0)
        pull = gram @ base + (pull - mean * _column_sums(gram, design, names)) / link.derivative(np.array(null))
        base = space.nearest(base)
    beta = base + space.step(gram, pull - gram @ base)
    at = Fitted(beta, gram, gram, gram, null, 1.0, np.inf, np.inf, np.inf, np.inf, np.inf, counts)
    return _climb(sums, design, names, space, at)


def is_intercept(design: Design, names: Sequence[str]) -> np.ndarray:
    """Mark the columns that add up to a column of ones: the intercept, or those of the agents; (p,)."""
    own = {f"{design.by}[{agent}]" for agent in design.fixed}
    return np.array([name == INTERCEPT or name in own for name in names])


def _column_sums(gram: np.ndarray, design: Design, names: Sequence[str]) -> np.ndarray:
    """Xᵀw1, from XᵀwX, where columns add up to ones; zeros where none do."""
    return gram @ is_intercept(design, names)


def _climb(sums: Sums, design: Design, names: Sequence[str], space: Subspace, at: Fitted) -> Fitted:
    """Steps from a start until the last is nothing."""
    step, dispersed = at.beta, FAMILIES[design.model[0]].dispersed
    counted = design.model[0] == "negative_binomial"
    before = np.where(is_intercept(design, names), at.null, 0.0)  # the mean alone, which every link allows
    beta, null, alpha, reached, examined, gram = at.beta, at.null, at.alpha, np.inf, False, at.information
    for number in range(ROUNDS):
        here, pulls = _evaluated(sums, design, beta, null, alpha, at.counts)
        height = -2 * here.loglik if counted else here.deviance  # α moves the deviance's zero
        if not np.isfinite(here.deviance) or height > reached + 1e-3 * abs(reached):
            beta = (beta + before) / 2
            continue
        step = space.step(here.information, pulls.score)
        phi = here.pearson / max(at.counts[0] - len(names), 1) if dispersed else 1.0
        decrement = max(float(pulls.score @ step), pulls.null**2 / pulls.null_information) / max(phi, 1e-300)
        grown = _grown(alpha, pulls.alpha) if counted else alpha
        exact = dispersed and here.pearson <= 1e-24 * abs(here.null_deviance)  # no residual is left to scale by
        small = exact or (here.deviance > 1e-9 * at.counts[1] and decrement <= ENOUGH[canonical(*design.model[:2])])
        if small and abs(grown - alpha) <= 1e-10 * alpha:
            return replace(here, beta=beta + step, alpha=grown)
        if number >= SUSPICIOUS and _runs_away(gram, step, decrement):
            if not examined:
                refuse_separation(sums, design, names)
            examined = True
            if number >= 2 * SUSPICIOUS:
                break
        before, beta, reached = beta, beta + step, height
        null, alpha = null + pulls.null / pulls.null_information, grown
    moved = np.abs(step) * np.sqrt(np.diag(gram))
    runaway = names[int(np.argmax(moved))]
    raise SeparationError(
        f"Scoring has not converged in {sums.rounds} rounds: the coefficient of {runaway!r} still moves while the "
        f"deviance stands at {here.deviance:.6g}. Leave the column out, or merge its levels."
    )


def _runs_away(gram: np.ndarray, step: np.ndarray, decrement: float) -> bool:
    """Return True where η still moves while the likelihood stands: δᵀXᵀXδ is not small, and UᵀI⁻¹U is."""
    moved = float(step @ gram @ step)
    return moved > 0.1 and decrement < 1e-3 * moved


@dataclass(frozen=True)
class Pulls:
    """The parts of a step."""

    score: np.ndarray
    alpha: np.ndarray
    null: float
    null_information: float


def _evaluated(
    sums: Sums, design: Design, beta: np.ndarray, null: float, alpha: float, counts: np.ndarray
) -> tuple[Fitted, Pulls]:
    information, score, told, meat = sums.total("score", design, beta, np.array([null]), np.array(alpha))
    deviance, pearson, loglik, first, second, null_deviance, null_loglik, pull, curved = told
    whole = unpacked(information)
    observed, spread = unpacked(meat) if len(meat) else (whole, whole)
    here = Fitted(
        beta, whole, observed, spread, null, alpha, deviance, null_deviance, pearson, loglik, null_loglik, counts
    )
    return here, Pulls(score, np.array([first, second]), pull, curved)


def _grown(alpha: float, derivatives: np.ndarray) -> float:
    """Newton's step in log α, by at most a factor of e."""
    first, second = alpha * derivatives[0], alpha**2 * derivatives[1] + alpha * derivatives[0]
    step = -first / second if second < 0 else np.sign(first)
    grown = alpha * float(np.exp(np.clip(step, -1, 1)))
    if grown < 1e-8:
        raise ProblemError(
            "The counts vary no more than Poisson's, so that alpha of the negative binomial is 0. Take 'poisson'."
        )
    return grown


def too_few(design: Design, counts: np.ndarray, p: int) -> bool:
    """Return True where there are fewer rows, or rows of the rarer outcome, than coefficients."""
    return counts[0] <= p or (design.model[0] == "binomial" and min(counts[2:]) < p)


def _refuse_few(design: Design, counts: np.ndarray, names: Sequence[str]) -> None:
    n, p = int(counts[0]), len(names)
    if not too_few(design, counts, p):
        return
    if n <= p:
        raise ProblemError(f"There are {p} coefficients and {n} complete rows. Take fewer columns.")
    raise ProblemError(
        f"There are {p} coefficients, but {int(counts[2])} rows with the event and {int(counts[3])} without. Take "
        "fewer columns than the rarer of the two."
    )


def refuse_separation(sums: Sums, design: Design, names: Sequence[str]) -> None:
    """Raise `SeparationError` where all rows with a level have the event, or none: the level's coefficient is ±∞."""
    if design.model[0] not in ("binomial", "poisson", "negative_binomial"):
        return
    replies = sums.each("indicators", design)
    tables = np.stack([reply[0] for reply in replies])  # (K, 4, p)
    whole = tables.sum(0)
    counts_only = design.model[0] != "binomial"
    for j, name in enumerate(names):
        if not min(reply[1][j] for reply in replies) or not whole[0, j] or not whole[2, j]:
            continue
        for one, rows, events in ((1, whole[0, j], whole[1, j]), (0, whole[2, j], whole[3, j])):
            if events == 0 or (events == rows and not counts_only):
                holders = [sums.names[k] for k in range(len(tables)) if tables[k, 2 * (1 - one), j]]
                many = "none has" if events == 0 else "all have"
                raise SeparationError(
                    f"Column {name!r} separates: of the {int(rows)} rows where it is {one}, at "
                    f"{', '.join(map(repr, holders[:5]))}{' and others' if len(holders) > 5 else ''}, {many} the "
                    f"event, so that its coefficient is infinite. Leave these rows out, or merge this level with one."
                )
