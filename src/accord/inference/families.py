"""Families and links of generalised linear models, as pure functions of arrays (McCullagh, Nelder 1989).

A family gives the variance V(μ), the deviance and the log-likelihood of every row; a link g gives μ = g⁻¹(η) and dμ/dη.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from scipy import special

from accord.errors import ProblemError, UnknownName

Rowwise = Callable[..., np.ndarray]
TINY = np.finfo(float).tiny


class Link(NamedTuple):
    """g: `link(mu)` is η, `inverse(eta)` is μ, `derivative(eta)` is dμ/dη, `second(eta)` is d²μ/dη²."""

    link: Rowwise
    inverse: Rowwise
    derivative: Rowwise
    second: Rowwise


def _normal_density(eta: np.ndarray) -> np.ndarray:
    return np.exp(-(eta**2) / 2) / np.sqrt(2 * np.pi)


def _logistic_density(eta: np.ndarray) -> np.ndarray:
    return special.expit(eta) * special.expit(-eta)


LINKS: Mapping[str, Link] = MappingProxyType(
    {
        "identity": Link(lambda mu: mu, lambda eta: eta, np.ones_like, np.zeros_like),
        "log": Link(np.log, np.exp, np.exp, np.exp),
        "inverse": Link(lambda mu: 1 / mu, lambda eta: 1 / eta, lambda eta: -1 / eta**2, lambda eta: 2 / eta**3),
        "inverse_squared": Link(
            lambda mu: mu**-2.0, lambda eta: eta**-0.5, lambda eta: -(eta**-1.5) / 2, lambda eta: 0.75 * eta**-2.5
        ),
        "logit": Link(
            special.logit, special.expit, _logistic_density, lambda eta: -np.tanh(eta / 2) * _logistic_density(eta)
        ),
        "probit": Link(special.ndtri, special.ndtr, _normal_density, lambda eta: -eta * _normal_density(eta)),
        "cloglog": Link(
            lambda mu: np.log(-np.log1p(-mu)),
            lambda eta: -np.expm1(-np.exp(eta)),
            lambda eta: np.exp(eta - np.exp(eta)),
            lambda eta: -np.expm1(eta) * np.exp(eta - np.exp(eta)),
        ),
    }
)


class Family(NamedTuple):
    """A family of the exponential dispersion models; `alpha` is of the negative binomial, and the others ignore it.

    - `variance(mu, alpha)`: V(μ); `slope(mu, alpha)`: dV/dμ. `deviance(y, mu, alpha)`: of a row.
    - `loglik(y, mu, phi, alpha)`: of a row whose dispersion is φ. `start(y)`: a first μ.
    - `support(y)`, `means(mu)`: where they may lie.
    - `dispersed`: φ is estimated, and not one. `default`: the link unless one is asked for.
    """

    variance: Rowwise
    slope: Rowwise
    deviance: Rowwise
    loglik: Rowwise
    start: Rowwise
    support: Callable[[np.ndarray], np.ndarray]
    means: Callable[[np.ndarray], np.ndarray]
    default: str
    links: tuple[str, ...]
    dispersed: bool = False


def _everywhere(values: np.ndarray) -> np.ndarray:
    return np.isfinite(values)


def _above_zero(values: np.ndarray) -> np.ndarray:
    return np.isfinite(values) & (values > 0)


def _counts(y: np.ndarray) -> np.ndarray:
    return np.isfinite(y) & (y >= 0)


def _shares(y: np.ndarray) -> np.ndarray:
    return (y >= 0) & (y <= 1)


def _chances(mu: np.ndarray) -> np.ndarray:
    return (mu >= 0) & (mu <= 1)


def _binomial_deviance(y: np.ndarray, mu: np.ndarray, _alpha: float) -> np.ndarray:
    return 2 * (special.xlogy(y, y / np.maximum(mu, TINY)) + special.xlogy(1 - y, (1 - y) / np.maximum(1 - mu, TINY)))


def _binomial_loglik(y: np.ndarray, mu: np.ndarray, _phi: np.ndarray, _alpha: float) -> np.ndarray:
    return special.xlogy(y, np.maximum(mu, TINY)) + special.xlog1py(1 - y, -np.minimum(mu, 1 - np.finfo(float).epsneg))


def _negative_binomial_deviance(y: np.ndarray, mu: np.ndarray, alpha: float) -> np.ndarray:
    return 2 * (special.xlogy(y, y / mu) - (y + 1 / alpha) * np.log((1 + alpha * y) / (1 + alpha * mu)))


def _negative_binomial_loglik(y: np.ndarray, mu: np.ndarray, _phi: np.ndarray, alpha: float) -> np.ndarray:
    r, m = 1 / alpha, alpha * mu
    counts = special.gammaln(y + r) - special.gammaln(r) - special.gammaln(y + 1)
    return counts + special.xlogy(y, m / (1 + m)) - r * np.log1p(m)


def _gamma_loglik(y: np.ndarray, mu: np.ndarray, phi: np.ndarray, _alpha: float) -> np.ndarray:
    return (np.log(y / (phi * mu)) - y / mu) / phi - special.gammaln(1 / phi) - np.log(y)


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "gaussian": Family(
            variance=lambda mu, alpha: np.ones_like(mu),
            slope=lambda mu, alpha: np.zeros_like(mu),
            deviance=lambda y, mu, alpha: (y - mu) ** 2,
            loglik=lambda y, mu, phi, alpha: -((y - mu) ** 2 / phi + np.log(2 * np.pi * phi)) / 2,
            start=lambda y: y,
            support=_everywhere,
            means=_everywhere,
            default="identity",
            links=("identity", "log", "inverse"),
            dispersed=True,
        ),
        "binomial": Family(
            variance=lambda mu, alpha: mu * (1 - mu),
            slope=lambda mu, alpha: 1 - 2 * mu,
            deviance=_binomial_deviance,
            loglik=_binomial_loglik,
            start=lambda y: (y + 0.5) / 2,
            support=_shares,
            means=_chances,
            default="logit",
            links=("logit", "probit", "cloglog", "log", "identity"),
        ),
        "poisson": Family(
            variance=lambda mu, alpha: mu,
            slope=lambda mu, alpha: np.ones_like(mu),
            deviance=lambda y, mu, alpha: 2 * (special.xlogy(y, y / mu) - (y - mu)),
            loglik=lambda y, mu, phi, alpha: special.xlogy(y, mu) - mu - special.gammaln(y + 1),
            start=lambda y: y + 0.1,
            support=_counts,
            means=_above_zero,
            default="log",
            links=("log", "identity"),
        ),
        "gamma": Family(
            variance=lambda mu, alpha: mu**2,
            slope=lambda mu, alpha: 2 * mu,
            deviance=lambda y, mu, alpha: 2 * ((y - mu) / mu - np.log(y / mu)),
            loglik=_gamma_loglik,
            start=lambda y: y,
            support=_above_zero,
            means=_above_zero,
            default="inverse",
            links=("inverse", "log", "identity"),
            dispersed=True,
        ),
        "inverse_gaussian": Family(
            variance=lambda mu, alpha: mu**3,
            slope=lambda mu, alpha: 3 * mu**2,
            deviance=lambda y, mu, alpha: (y - mu) ** 2 / (y * mu**2),
            loglik=lambda y, mu, phi, alpha: -((y - mu) ** 2 / (phi * y * mu**2) + np.log(2 * np.pi * phi * y**3)) / 2,
            start=lambda y: y,
            support=_above_zero,
            means=_above_zero,
            default="inverse_squared",
            links=("inverse_squared", "inverse", "log", "identity"),
            dispersed=True,
        ),
        "negative_binomial": Family(
            variance=lambda mu, alpha: mu + alpha * mu**2,
            slope=lambda mu, alpha: 1 + 2 * alpha * mu,
            deviance=_negative_binomial_deviance,
            loglik=_negative_binomial_loglik,
            start=lambda y: y + 0.1,
            support=_counts,
            means=_above_zero,
            default="log",
            links=("log", "identity"),
        ),
    }
)
SUPPORTS = {"binomial": "0 and 1, or shares between", "gamma": "above 0", "inverse_gaussian": "above 0"}
"""The permitted values of y, in words; numbers from 0 on for counts."""


def chosen(family: str, link: str | None) -> tuple[str, str]:
    """The names of a family and of its link. Raises `UnknownName`, and `ProblemError` where they do not go together.

    >>> chosen("binomial", None), chosen("gamma", "log")
    (('binomial', 'logit'), ('gamma', 'log'))
    """
    if family not in FAMILIES:
        raise UnknownName("family", family, FAMILIES)
    link = link or FAMILIES[family].default
    if link not in LINKS:
        raise UnknownName("link", link, LINKS)
    if link not in FAMILIES[family].links:
        raise ProblemError(f"The family {family!r} has no link {link!r}. Give {' or '.join(FAMILIES[family].links)}.")
    return family, link


def canonical(family: str, link: str) -> bool:
    """Return True where η is the natural parameter, so that expected and observed information agree."""
    return link == FAMILIES[family].default and family != "negative_binomial"


def alpha_derivatives(y: np.ndarray, mu: np.ndarray, weights: np.ndarray, alpha: float) -> np.ndarray:
    """Σ dℓ/dα and Σ d²ℓ/dα² of the negative binomial, by r = 1/α: (2,).

    ℓ = lgamma(y+r) − lgamma(r) + r log r + y log μ − (y+r) log(r+μ) + const.
    """
    r = 1 / alpha
    first = special.digamma(y + r) - special.digamma(r) + np.log(r / (r + mu)) + (mu - y) / (r + mu)
    second = special.polygamma(1, y + r) - special.polygamma(1, r) + mu / (r * (r + mu)) - (mu - y) / (r + mu) ** 2
    return np.array([np.sum(weights * -(r**2) * first), np.sum(weights * (r**4 * second + 2 * r**3 * first))])
