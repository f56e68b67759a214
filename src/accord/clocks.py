"""Virtual clocks: how long agents work and messages travel, what goes missing meanwhile, and what is broken off.

`runtimes.Timed(clock)` lets a clock run beside any method: history then has simulated seconds, and under an
asynchronous method the order of arrivals follows from it. Of the numbers of a method that keeps step it changes none,
but where `complete` lets agents answer before their local steps are done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from accord.core.pytrees import pytree
from accord.errors import ClockError

__all__ = ["Clock", "Times", "constant", "exponential", "lognormal", "uniform"]


@pytree
@dataclass(frozen=True, eq=False)
class Times:
    """Seconds that something takes, or the share of it that gets done, drawn afresh each time.

    - `mean`: one for all agents, or (K,). `spread`: likewise; of the logarithm under a lognormal law, and under a
      uniform one how far a draw may be from the mean.
    """

    mean: Any
    law: str = field(default="constant", metadata={"static": True})
    spread: Any = 0.0

    def draw(self, key: Array, k: Array | int) -> Array:
        """Draw agent k's time."""
        mean = self.mean[k]
        if self.law == "exponential":
            return mean * jax.random.exponential(key, (), mean.dtype)
        if self.law == "lognormal":
            spread = self.spread[k]
            return mean * jnp.exp(spread * jax.random.normal(key, (), mean.dtype) - spread**2 / 2)
        if self.law == "uniform":
            return mean + self.spread[k] * jax.random.uniform(key, (), mean.dtype, -1, 1)
        return mean


def constant(mean: Any) -> Times:
    """Always as long: seconds for all agents, or (K,) a number each.

    >>> constant(2.0)
    Times(mean=2.0, law='constant', spread=0.0)
    """
    return Times(mean)


def exponential(mean: Any) -> Times:
    """Make times without memory, as between two ticks of a Poisson clock: P(longer than s) = exp(−s/mean).

    >>> exponential([1.0, 10.0])
    Times(mean=[1.0, 10.0], law='exponential', spread=0.0)
    """
    return Times(mean, "exponential")


def lognormal(mean: Any, spread: Any = 1.0) -> Times:
    """Mostly about as long, now and then far longer: exp of a normal number whose standard deviation is `spread`.

    >>> lognormal(1.0, spread=0.5)
    Times(mean=1.0, law='lognormal', spread=0.5)
    """
    return Times(mean, "lognormal", spread)


def uniform(low: Any, high: Any) -> Times:
    """Anything from `low` to `high`, all alike likely; each one for all agents, or (K,).

    Raises `ClockError` where an end is negative, or `high` is below `low`.

    >>> uniform(1.0, 3.0)
    Times(mean=2.0, law='uniform', spread=1.0)
    """
    low, high = np.asarray(low, float), np.asarray(high, float)
    if np.any(wrong := ~((low >= 0) & (low <= high))):
        k = int(np.argmax(wrong))
        low, high = (np.broadcast_to(end, wrong.shape).flat[k] for end in (low, high))
        whose = f" for agent {k}" if wrong.ndim else ""
        raise ClockError(
            f"A uniform law goes from {low:g} to {high:g}{whose}. Give both ends, the lower one first, "
            "and neither negative."
        )
    return Times(((low + high) / 2).tolist(), "uniform", ((high - low) / 2).tolist())


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
    """A model of time: each agent's seconds of work, a message's seconds on its way, sleep, losses, work broken off.

    Everything is one number for all agents, or (K,) one each.

    - `compute`: seconds of work, `Times` or numbers. `network`: seconds on the way; opposite a server there and back.
    - `sleep`: chance that an agent naps before it begins. `nap`: for how many seconds; then it comes back.
    - `lose`: chance that a message is lost. In asynchronous runs, an agent whose reply is lost begins anew, and keeps
      nothing of the lost work; in step it does the work again until it is received.
    - `complete`: the share of its local steps that an agent gets done before it answers, numbers or `uniform`. Of τ
      steps it takes max(1, s τ to the nearest), in a part of its seconds of work in proportion. A share that is drawn
      is drawn afresh each round. Methods that take no local steps which can be counted are refused as a run starts.

    Raises `ClockError` where a time is negative or not finite, where a chance is not in [0, 1), and where a share is
    not in (0, 1].

    >>> Clock(compute=lognormal([1.0, 10.0], spread=0.5), network=0.1, complete=[1.0, 0.1])
    Clock(compute=Times(mean=[1.0, 10.0], law='lognormal', spread=0.5), network=0.1, sleep=0.0, nap=0.0, lose=0.0,
          complete=[1.0, 0.1])
    """

    compute: Any = 1.0
    network: Any = 0.0
    sleep: Any = 0.0
    nap: Any = 0.0
    lose: Any = 0.0
    complete: Any = 1.0

    def __post_init__(self) -> None:
        for name in ("compute", "network", "nap"):
            _check_times(name, _times(getattr(self, name)))
        for name in ("sleep", "lose"):
            _check_chances(name, getattr(self, name))
        _check_shares(self.complete)
        if np.any(np.asarray(self.sleep) > 0) and not np.all(np.asarray(_times(self.nap).mean) > 0):
            raise ClockError(
                f"The clock lets agents sleep with a chance of {np.max(self.sleep):g}, but for no time. "
                "Give nap, the seconds until they come back."
            )

    def for_agents(self, K: int, dtype: Any) -> Pace:
        """The clock of K agents, ready to draw. Raises `ClockError` where it is of another number of agents."""

        def each(name: str, value: Any) -> np.ndarray:
            given = np.asarray(value, dtype)
            if given.shape not in ((), (K,)):
                raise ClockError(
                    f"The clock has {name} for {given.size} agents, but the problem has {K}. "
                    "Give one number for all, or one for each."
                )
            return np.broadcast_to(given, (K,)).copy()

        def times(name: str) -> Times:
            given = _times(getattr(self, name))
            return Times(each(name, given.mean), given.law, each(name, given.spread))

        complete = times("complete")
        whole = complete.law == "constant" and np.all(complete.mean == 1)
        chances = each("sleep", self.sleep), each("lose", self.lose)
        return Pace(times("compute"), times("network"), times("nap"), *chances, None if whole else complete)


@pytree
@dataclass(frozen=True, eq=False)
class Pace:
    """A clock with a number for each of K agents: what a program draws from."""

    compute: Times
    network: Times
    nap: Times
    sleep: Any  # (K,)
    lose: Any  # (K,)
    complete: Times | None = None  # None where everything gets done

    def job(self, key: Array, k: Array | int, part: Array | None = None) -> Job:
        """Draw agent k's next piece of work, of which it gets a part done; None for all."""
        keys = [jax.random.fold_in(key, i) for i in range(5)]
        naps = jax.random.uniform(keys[2], (), self.sleep.dtype) < self.sleep[k]
        whole = self.compute.draw(keys[0], k)
        work = (whole if part is None else part * whole) + jnp.where(naps, self.nap.draw(keys[3], k), 0)
        lost = jax.random.uniform(keys[4], (), self.lose.dtype) < self.lose[k]
        return Job(work, self.network.draw(keys[1], k), lost)

    def heard(self, key: Array, k: Array | int, part: Array | None = None) -> Job:
        """Draw agent k's next piece of work where it is waited for: what is lost is done again."""

        def again(tries: tuple[Array, Job]) -> tuple[Array, Job]:
            i, spent = tries
            job = self.job(jax.random.fold_in(key, i), k, part)
            return i + 1, Job(spent.span + job.work, job.way, job.lost)

        first = self.job(key, k, part)
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


def _check_shares(given: Any) -> None:
    shares = _times(given)
    mean, spread = np.asarray(shares.mean), np.asarray(shares.spread)
    if shares.law not in ("constant", "uniform") or mean.dtype.kind not in "fiu" or mean.ndim > 1:
        raise ClockError(
            f"The clock has complete={given!r}. Give a share, or one for each agent, or "
            "accord.clocks.uniform(0.2, 1.0)."
        )
    positive = (mean > 0) & (mean - spread >= 0)
    wrong = ~(positive & (mean + spread <= 1))
    if wrong.any():
        end = np.where(positive, mean + spread, mean - spread)
        _refuse("a share to complete of", end, wrong, "more than 0, and at most 1, which is all of the local steps")


def _refuse(what: str, values: np.ndarray, wrong: np.ndarray, instead: str) -> None:
    k = int(np.argmax(wrong))
    whose = f" for agent {k}" if values.ndim else ""
    raise ClockError(f"The clock has {what} {values.flat[k]:g}{whose}. Give {instead}.")
