"""Differential privacy: what clipped replies and Gaussian noise spend of it.

What is accounted for: in each of T rounds q + σN(0, I) is released, where q, which may depend on all that was released
before, moves by at most Δ in the 2-norm when one agent's data change. `noise` is σ/Δ. That is (ε, δ)-differentially
private when P(seen) ≤ e^ε P′(seen) + δ with those other data, whatever is seen, and whatever else the observer knows.

What it means that an agent's data change decides on Δ. Of a sum of replies that are clipped to c, Δ = 2c where an agent
is *replaced*, so that all its data may be others, and Δ = c where it is *added or removed*.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

from accord.channels import Chain, Clip, GaussianNoise
from accord.errors import MethodError, MissingExtra

__all__ = ["noise_for", "noise_of", "spent"]

Sampling = float | tuple[int, int]
"""The choice of the agents of a round: each agent with this chance, or exactly m of K."""

LEAST, MOST = 1e-3, 1e5
"""Noise between which rounding is harmless to the accountants; at the one nothing is private, at the other learnt."""

LARGE = 100.0
"""An ε that promises nothing, and that privacy loss distributions would take gigabytes to find."""

CLOSE = 4e-6
"""The accuracy with which the least noise is found, in proportion to itself."""


def spent(noise: float, rounds: int, delta: float, sampling: Sampling = 1.0, accountant: str = "rdp") -> float:
    """ε, such that so many releases with so much noise are (ε, δ)-differentially private.

    - `noise`: σ/Δ, without a unit; see `noise_of`. `rounds`: T. `delta`: δ, well below one over the number of agents.
    - `sampling`: who is in a round. 1.0: all. A chance q < 1: each agent by itself (Poisson), and an agent is
      *added or removed*. (m, K): m of K without replacement, all as likely, as Accord draws a cohort where weights
      are equal, and an agent is *replaced*; who weighs more is asked more often, and gets no such promise.
      Either holds towards an observer who does not learn who was in, and where agents keep nothing between rounds.
    - `accountant`: "rdp", Rényi divergences, at once; or "pld", privacy loss distributions, closer, in a second, and
      not for cohorts. Both are upper bounds. Beyond ε = 100, which promises nothing, both give that of "rdp".

    Raises `MethodError` where a number is out of range, and `MissingExtra` without dp-accounting.

    >>> round(spent(noise=1.0, rounds=200, delta=1e-5, sampling=0.05), 4)
    5.3679
    >>> round(spent(noise=1.0, rounds=200, delta=1e-5, sampling=(50, 1000)), 4)
    9.2795

    Source: Mironov, Talwar, Zhang 2019, Rényi differential privacy of the sampled Gaussian mechanism; for cohorts Wang,
    Balle, Kasiviswanathan 2019, Subsampled Rényi differential privacy and analytical moments accountant; for "pld"
    Koskela, Jälkö, Honkela 2020, Computing tight differential privacy guarantees using FFT.
    """
    _check(noise, rounds, delta, sampling, accountant)
    loose = min(_epsilon("rdp", noise, rounds, delta, who) for who in (1.0, sampling))  # a cohort spends what all would
    if accountant == "rdp" or loose > LARGE:
        return loose
    return min(loose, _epsilon("pld", noise, rounds, delta, sampling))


def noise_for(epsilon: float, rounds: int, delta: float, sampling: Sampling = 1.0, accountant: str = "rdp") -> float:
    """The least noise σ/Δ with which `spent`, given the other arguments, is at most ε; to five digits.

    Raises `MethodError` where a number is out of range, or ε is spent by no noise from 1e-3 to 1e5.

    >>> noise = noise_for(3.0, rounds=200, delta=1e-5, sampling=0.05)
    >>> round(noise, 3), spent(noise, rounds=200, delta=1e-5, sampling=0.05) <= 3.0
    (1.372, True)
    """
    from scipy.optimize import root_scalar

    def excess(logarithm: float) -> float:
        spends = spent(math.exp(logarithm), rounds, delta, sampling, accountant)
        return 0.5 - epsilon / (epsilon + spends)  # bounded, so that an ε of millions does not throw the search off

    low, high = math.log(LEAST) + CLOSE, math.log(MOST) - CLOSE
    if not (_is_number(epsilon) and 0 < epsilon < math.inf and excess(low) > 0 >= excess(high)):
        raise MethodError(
            f"epsilon={epsilon!r} is spent in {rounds} rounds by no noise from {LEAST:g} to {MOST:g}. "
            "Give a number such as 3.0, or fewer rounds."
        )
    noise = math.exp(root_scalar(excess, bracket=(low, high), xtol=CLOSE).root)
    while spent(noise, rounds, delta, sampling, accountant) > epsilon:
        noise *= 1 + CLOSE
    return noise


def noise_of(channel: Any, heard: int = 1) -> float:
    """σ/Δ of what is received through `chain(clip(c), gaussian_noise(s), ...)`, where an agent is replaced: s√m/(2c).

    Every agent adds noise of its own, so that a mean of m replies has 1/√m of it, but moves by 1/m of what a reply can.

    - `heard`: m = 1 towards a party that sees single replies. The size of a cohort towards one that sees only what
      comes of its mean, the models; this holds where weights p_k are equal, replies are averaged, and nothing follows
      the noise.

    Raises `MethodError` for a channel that does not begin by clipping and then adding noise, or where m cannot be.

    >>> from accord import chain, clip, gaussian_noise
    >>> [noise_of(chain(clip(0.5), gaussian_noise(2.0)), heard=m) for m in (1, 100)]
    [2.0, 20.0]

    Source: Dwork, Roth 2014, The algorithmic foundations of differential privacy.
    """
    links = channel.links if isinstance(channel, Chain) else ()
    if not (len(links) >= 2 and isinstance(links[0], Clip) and isinstance(links[1], GaussianNoise)):
        raise MethodError(
            f"{channel!r} bounds no privacy: a message has to be clipped first and noised next. "
            "Use accord.chain(accord.clip(1.0), accord.gaussian_noise(2.0))."
        )
    if not _is_whole(heard) or (heard > 1 and len(links) > 2):
        raise MethodError(f"heard={heard!r}: give 1, or how many replies are averaged, if the noise ends the chain.")
    return links[1].scale * math.sqrt(heard) / (2 * links[0].bound)


def _epsilon(accountant: str, noise: float, rounds: int, delta: float, sampling: Sampling) -> float:
    try:
        import dp_accounting as dp
    except ImportError as missing:
        raise MissingExtra("dp-accounting", "privacy", "Accounting for privacy") from missing
    make = dp.rdp.RdpAccountant if accountant == "rdp" else dp.pld.PLDAccountant
    release, neighbours = dp.GaussianDpEvent(noise), dp.NeighboringRelation.ADD_OR_REMOVE_ONE
    if isinstance(sampling, tuple):
        neighbours = dp.NeighboringRelation.REPLACE_ONE
        release = dp.SampledWithoutReplacementDpEvent(sampling[1], sampling[0], release)
    elif sampling < 1:
        release = dp.PoissonSampledDpEvent(sampling, release)
    all_rounds = dp.SelfComposedDpEvent(release, rounds)
    return float(make(neighboring_relation=neighbours).compose(all_rounds).get_epsilon(delta))


def _check(noise: Any, rounds: Any, delta: Any, sampling: Any, accountant: Any) -> None:
    if not (_is_number(noise) and LEAST <= noise <= MOST):
        raise MethodError(f"noise={noise!r}: give its standard deviation over Δ, from {LEAST:g} to {MOST:g}.")
    if not _is_whole(rounds):
        raise MethodError(f"rounds={rounds!r}: give a whole number of rounds, at least 1.")
    if not (_is_number(delta) and 0 < delta < 1):
        raise MethodError(f"delta={delta!r}: give a number between 0 and 1, such as 1e-5.")
    cohort = isinstance(sampling, tuple)
    whole = cohort and len(sampling) == 2 and all(map(_is_whole, sampling)) and sampling[0] <= sampling[1]
    if not (whole or (not cohort and _is_number(sampling) and 0 < sampling <= 1)):
        raise MethodError(f"sampling={sampling!r}: give a chance in (0, 1], or (m, K) for a cohort of m of K agents.")
    if accountant not in ("rdp", "pld") or (accountant == "pld" and cohort):
        raise MethodError(f"accountant={accountant!r}: give 'rdp', or 'pld' where sampling={sampling!r} is no cohort.")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= 1
