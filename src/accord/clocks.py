"""Virtual clocks: how long agents work and words travel, and what goes missing meanwhile.

A clock decides nothing but time. `runtimes.Timed(clock)` lets it run beside any method: history then has simulated
seconds, and under an asynchronous method the order of arrivals follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.errors import ClockError

__all__ = ["Clock", "Times", "constant", "exponential", "lognormal"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Times:
    """Seconds that something takes, drawn afresh each time: the mean, times a draw of mean one.

    - `mean`: one for all agents, or (K,). `spread`: of the logarithm, for a lognormal law.
    """

    mean: Any
    law: str = field(default="constant", metadata={"static": True})
    spread: Any = 0.0

    def draw(self, key: Array, k: Array | int) -> Array:
        """The seconds of agent k this time."""
        mean = self.mean[k]
        if self.law == "exponential":
            return mean * jax.random.exponential(key, (), mean.dtype)
        if self.law == "lognormal":
            return mean * jnp.exp(self.spread * jax.random.normal(key, (), mean.dtype) - self.spread**2 / 2)
        return mean


def constant(mean: Any) -> Times:
    """Always as long: seconds for all agents, or (K,) a number each.

    >>> constant(2.0)
    Times(mean=2.0, law='constant', spread=0.0)
    """
    return Times(mean)


def exponential(mean: Any) -> Times:
    """Without memory, as between two ticks of a Poisson clock: P(longer than s) = exp(−s/mean).

    >>> exponential([1.0, 10.0])
    Times(mean=[1.0, 10.0], law='exponential', spread=0.0)
    """
    return Times(mean, "exponential")


def lognormal(mean: Any, spread: float = 1.0) -> Times:
    """Mostly about as long, now and then far longer: exp of a normal number whose standard deviation is `spread`.

    >>> lognormal(1.0, spread=0.5)
    Times(mean=1.0, law='lognormal', spread=0.5)
    """
    return Times(mean, "lognormal", spread)


class Job(NamedTuple):
    """One piece of work, as the clock has it."""

    work: Array  # seconds until it is done, a nap before it included
    way: Array  # seconds that what came of it is on its way
    lost: Array  # whether it never arrives

    @property
    def span(self) -> Array:
        """Seconds until it is there."""
        return self.work + self.way


@dataclass(frozen=True, eq=False)
class Clock:
    """How long each agent works, how long its word is on its way, how often it sleeps, and what is lost.

    Everything is one number for all agents, or (K,) one each.

    - `compute`: seconds of work, `Times` or numbers. `network`: seconds on the way; opposite a server there and back.
    - `sleep`: chance that an agent naps before it begins. `nap`: for how many seconds; then it comes back.
    - `lose`: chance that a word is lost. Where nobody waits, an agent whose reply is lost begins anew, and keeps
      nothing of the lost work; in step it does the work again until it is heard.

    Raises `ClockError` where a time is negative or not finite, and where a chance is not in [0, 1).

    >>> Clock(compute=lognormal([1.0, 1.0, 10.0], spread=0.5), network=0.1)
    Clock(compute=Times(mean=[1.0, 1.0, 10.0], law='lognormal', spread=0.5), network=0.1, sleep=0.0, nap=0.0, lose=0.0)
    """

    compute: Any = 1.0
    network: Any = 0.0
    sleep: Any = 0.0
    nap: Any = 0.0
    lose: Any = 0.0

    def __post_init__(self) -> None:
        for name in ("compute", "network", "nap"):
            _check_times(name, _times(getattr(self, name)))
        for name in ("sleep", "lose"):
            _check_chances(name, getattr(self, name))
        if np.any(np.asarray(self.sleep) > 0) and not np.all(np.asarray(_times(self.nap).mean) > 0):
            raise ClockError(f"The clock lets agents sleep with a chance of {np.max(self.sleep):g}, but for no time. "
                             "Give nap, the seconds until they come back.")  # fmt: skip

    def for_agents(self, K: int, dtype: Any) -> Pace:
        """The clock of K agents, ready to draw. Raises `ClockError` where it is of another number of agents."""

        def each(name: str, value: Any) -> np.ndarray:
            given = np.asarray(value, dtype)
            if given.shape not in ((), (K,)):
                raise ClockError(f"The clock has {name} for {given.size} agents, but the problem has {K}. "
                                 "Give one number for all, or one for each.")  # fmt: skip
            return np.broadcast_to(given, (K,)).copy()

        def times(name: str) -> Times:
            given = _times(getattr(self, name))
            return Times(each(name, given.mean), given.law, np.asarray(given.spread, dtype))

        chances = (each(name, getattr(self, name)) for name in ("sleep", "lose"))
        return Pace(times("compute"), times("network"), times("nap"), *chances)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Pace:
    """A clock with a number for each of K agents: what a program draws from."""

    compute: Times
    network: Times
    nap: Times
    sleep: Any  # (K,)
    lose: Any  # (K,)

    def job(self, key: Array, k: Array | int) -> Job:
        """How agent k's next piece of work goes."""
        keys = [jax.random.fold_in(key, i) for i in range(5)]
        naps = jax.random.uniform(keys[2], (), self.sleep.dtype) < self.sleep[k]
        work = self.compute.draw(keys[0], k) + jnp.where(naps, self.nap.draw(keys[3], k), 0)
        lost = jax.random.uniform(keys[4], (), self.lose.dtype) < self.lose[k]
        return Job(work, self.network.draw(keys[1], k), lost)

    def heard(self, key: Array, k: Array | int) -> Job:
        """How agent k's next piece of work goes where it is waited for: what is lost is done again."""

        def again(tries: tuple[Array, Job]) -> tuple[Array, Job]:
            i, spent = tries
            job = self.job(jax.random.fold_in(key, i), k)
            return i + 1, Job(spent.span + job.work, job.way, job.lost)

        first = self.job(key, k)
        return jax.lax.while_loop(lambda tries: tries[1].lost, again, (jnp.full((), 5, jnp.int32), first))[1]


def _times(given: Any) -> Times:
    return given if isinstance(given, Times) else constant(given)


def _check_times(name: str, times: Times) -> None:
    for what, values in ((f"{name} times", times.mean), (f"a spread of {name} times", times.spread)):
        seconds = np.asarray(values)
        if seconds.dtype.kind not in "fiu" or seconds.ndim > 1:
            raise ClockError(f"The clock has {what} {values!r}. Give seconds, or accord.clocks.exponential(seconds).")
        wrong = ~(np.isfinite(seconds) & ((seconds > 0) if what == "compute times" else (seconds >= 0)))
        if wrong.any():
            _refuse(what, seconds, wrong, f"{'positive' if name == 'compute' else 'finite'} seconds")


def _check_chances(name: str, chances: Any) -> None:
    given = np.asarray(chances)
    if given.dtype.kind not in "fiu" or given.ndim > 1:
        raise ClockError(f"The clock has {name}={chances!r}. Give a chance, or one for each agent.")
    wrong = ~((given >= 0) & (given < 1))
    if wrong.any():
        _refuse(f"a chance to {name} of", given, wrong, "at least 0 and below 1; at 1 nobody would ever be heard")


def _refuse(what: str, values: np.ndarray, wrong: np.ndarray, instead: str) -> None:
    k = int(np.argmax(wrong))
    whose = f" for agent {k}" if values.ndim else ""
    raise ClockError(f"The clock has {what} {values.flat[k]:g}{whose}. Give {instead}.")
