"""The answers of one agent about a generalised linear model: scores, information and deviance over its own rows.

W_i = w_i (dμ/dη)²/V(μ_i), U = Σ x_i w_i (y_i − μ_i)(dμ/dη)/V(μ_i), I = XᵀWX; nothing but sums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from accord.errors import DataError
from accord.inference.design import Design, Rows, Site
from accord.inference.families import FAMILIES, LINKS, SUPPORTS, Family, Link, alpha_derivatives
from accord.inference.formula import rows_of
from accord.inference.packing import packed
from accord.inference.sums import Reply


class Model(NamedTuple):
    """The family and the link of a design, and the covariance that will be asked for."""

    family: Family
    link: Link
    covariance: str
    name: str

    @classmethod
    def of(cls, design: Design) -> Model:
        """The design in words."""
        family, link, covariance = design.model
        return cls(FAMILIES[family], LINKS[link], covariance, family)


class Own(NamedTuple):
    """One agent's rows as the model takes them."""

    X: np.ndarray
    y: np.ndarray
    offset: np.ndarray
    w: np.ndarray


def own_rows(site: Site, design: Design) -> Own:
    """The rows of a site with offset 0 and weight 1 unless they have others. Raises `DataError`."""
    rows = rows_of(site, design)
    family, (name, *_) = FAMILIES[design.model[0]], design.model
    if bad := int((~family.support(rows.y)).sum()):
        raise DataError(
            f"Agent {site.name!r}: {design.response!r} is outside the {name} family in {bad} rows. Its values have to "
            f"be {SUPPORTS.get(name, 'numbers from 0 on')}."
        )
    own = Own(rows.X, rows.y, _role(rows, "offset", 0.0), _role(rows, "weights", 1.0))
    if bad := int((~(own.w >= 0)).sum()):
        raise DataError(f"Agent {site.name!r}: {bad} weights are below 0. Give weights from 0 on.")
    return own


def _role(rows: Rows, role: str, default: float) -> np.ndarray:
    return rows.roles[role].astype(float) if role in rows.roles else np.full(len(rows.y), default)


def start(site: Site, design: Design) -> Reply:
    """XᵀWX and XᵀWz at a first μ that needs no β, for the model and for an intercept alone; then counts.

    Where the first μ is to be the mean of all agents, W = w and z = y, of which who asks makes the first step.
    Counts are n, Σw, rows with an event and rows with none: an event is y above one half, or any count.
    """
    own, model = own_rows(site, design), Model.of(design)
    mu = _first(own.y, model)
    eta = model.link.link(mu)
    slope = model.link.derivative(eta)
    W = own.w * slope**2 / model.family.variance(mu, 1.0)
    z = eta + (own.y - mu) / slope - own.offset
    if from_mean(design):
        W, z = own.w, own.y
    event = own.y > (0.5 if model.name == "binomial" else 0)
    counts = np.array([len(own.y), own.w.sum(), event.sum(), (~event).sum()], float)
    return packed(own.X.T @ (W[:, None] * own.X)), own.X.T @ (W * z), np.array([W.sum(), W @ z]), counts


def from_mean(design: Design) -> bool:
    """Return True where scoring begins at the mean of all agents, which is nearest where y is 0 or 1."""
    return design.model[0] == "binomial" and "offset" not in dict(design.roles)


def _first(y: np.ndarray, model: Model) -> np.ndarray:
    """A first μ that the link takes."""
    mu = model.family.start(y)
    if model.name == "gaussian" and model.link is not LINKS["identity"]:
        return np.maximum(mu, max(abs(float(mu.mean())), 1.0) / 10) if len(mu) else mu
    return mu


class Scores(NamedTuple):
    """Sums over the rows of one agent at β."""

    information: np.ndarray  # (p, p)
    score: np.ndarray  # (p,)
    deviance: float  # infinite where some μ is none that the family has
    pearson: float  # Σ w (y − μ)²/V
    loglik: float  # with φ = 1
    alpha: np.ndarray  # (2,) derivatives by α
    meat: np.ndarray  # (p, p) Σ s_i s_iᵀ, or s_k s_kᵀ of the agent
    observed: np.ndarray  # (p, p) −∂²ℓ/∂β², the bread of a sandwich


def scores(own: Own, model: Model, beta: np.ndarray, alpha: float) -> Scores:
    """The sums at β of one agent."""
    p = own.X.shape[1]
    eta = own.X @ beta + own.offset
    with np.errstate(all="ignore"):
        mu, slope = model.link.inverse(eta), model.link.derivative(eta)
        allowed = model.family.means(mu) & np.isfinite(eta)
        if not allowed.all():
            none = np.zeros((p, p))
            return Scores(none, np.zeros(p), np.inf, 0.0, 0.0, np.zeros(2), none, none)
        V = model.family.variance(mu, alpha)
        slope = np.where(V > 0, slope, 0.0)  # of a μ that is 1 or 0 to the last digit
        V = np.where(V > 0, V, 1.0)
        residual = own.w * (own.y - mu)
        W, s = own.w * slope**2 / V, residual * slope / V
        rowwise = own.X * s[:, None]
        known = own.w > 0
        deviance = own.w[known] @ model.family.deviance(own.y[known], mu[known], alpha)
        phi = np.ones_like(mu) if not model.family.dispersed else 1 / own.w
        each = model.family.loglik(own.y, mu, phi, alpha)[known]
        loglik = each.sum() if model.family.dispersed else own.w[known] @ each
        pulls = alpha_derivatives(own.y, mu, own.w, alpha) if model.name == "negative_binomial" else np.zeros(2)
        U = rowwise.sum(0)
        meat = np.outer(U, U) if model.covariance == "cluster" else rowwise.T @ rowwise
        pearson = float(residual @ ((own.y - mu) / V))
        bend = residual * (model.link.second(eta) / V - slope**2 * model.family.slope(mu, alpha) / V**2)
        observed = own.X.T @ ((W - bend)[:, None] * own.X)
    return Scores(own.X.T @ (W[:, None] * own.X), U, float(deviance), pearson, float(loglik), pulls, meat, observed)


def score(site: Site, design: Design, beta: np.ndarray, null: np.ndarray, alpha: np.ndarray) -> Reply:
    """A round of Fisher scoring, of the model and of an intercept alone."""
    own, model = own_rows(site, design), Model.of(design)
    full = scores(own, model, beta, float(alpha))
    ones = own._replace(X=np.ones((len(own.y), 1)))
    rest = scores(ones, model, null, float(alpha))
    told = [full.deviance, full.pearson, full.loglik, *full.alpha]
    told += [rest.deviance, rest.loglik, float(rest.score[0]), float(rest.information[0, 0])]
    sandwich = np.stack([packed(full.observed), packed(full.meat)])
    return packed(full.information), full.score, np.array(told), sandwich[: 0 if model.covariance == "model" else 2]


def loglik(site: Site, design: Design, beta: np.ndarray, null: np.ndarray, phi: np.ndarray) -> Reply:
    """The log-likelihood at β and at the intercept alone, of a family whose dispersion φ is known by now: (2,)."""
    own, model = own_rows(site, design), Model.of(design)
    known = own.w > 0
    told = [
        model.family.loglik(own.y[known], model.link.inverse(eta[known]), float(each) / own.w[known], 1.0).sum()
        for eta, each in zip((own.X @ beta + own.offset, null[0] + own.offset), phi, strict=True)
    ]
    return (np.array(told),)


def gram(site: Site, design: Design) -> Reply:
    """XᵀX of a site: of means and correlations of the columns."""
    rows = rows_of(site, design)
    return packed(rows.X.T @ rows.X), rows.X.sum(0), np.array([float(len(rows.X))])


def indicators(site: Site, design: Design) -> Reply:
    """Rows and events where a column of zeros and ones is one, and where it is zero: (4, p); none of other columns."""
    own, model = own_rows(site, design), Model.of(design)
    event = own.y > (0.5 if model.name == "binomial" else 0)
    binary = ((own.X == 0) | (own.X == 1)).all(0)
    one = own.X == 1
    told = np.stack([one.sum(0), (one & event[:, None]).sum(0), (~one).sum(0), (~one & event[:, None]).sum(0)])
    return told.astype(float), binary.astype(float)
