"""Ray: a process for every shard of agents, on this machine or on a cluster; lost ones are placed anew."""

from __future__ import annotations

import os
import secrets
import signal
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import jax

from accord.engine.planning.plan import Plan
from accord.errors import MethodError, MissingExtra, ShardLost
from accord.protocol.timeouts import Patience
from accord.protocol.transport import HOST, LOST, Envelope
from accord.protocol.transports.tcp import Address, Sockets
from accord.runtimes.workers.assignment import Part, divide
from accord.runtimes.workers.async_peers import AtWill
from accord.runtimes.workers.async_server import FirstCome, session_of
from accord.runtimes.workers.synchronous import Hosted, named
from accord.runtimes.workers.worker import Worker

PLACING = 120.0
"""Seconds in which a cluster has to find a place for a shard."""
TOKEN = "RAY_AUTH_TOKEN"
PLACES = 5
"""How often a shard is placed that dies before it has begun."""


@dataclass(frozen=True)
class Ray:
    """Run agents on a Ray cluster, or on all cores of this machine: one process a shard of agents, opaque ones too.

    A shard works in one batch. Peers say to each other only what crosses from one shard to another, a server hears one
    sum a shard. A process that dies is placed anew, given the state of the last round that was kept, and asked again
    what it missed: the answer is as if nothing had happened.

    - `shards`: how many processes; one a core of the cluster when not given.
    - `address`: of a cluster, as `ray start --head` prints it; when not given, the one that this program has joined
      already or that RAY_ADDRESS names, or else a Ray of its own on this machine, which ends with the run. That one
      asks whoever joins for a token that is drawn for this program; a cluster that asks for none is warned of.
    - `deadline`: seconds a round, opposite a server; then it goes on without the others if a `quorum` of the round's
      clients has answered, and whoever is late is not counted. Without one it waits for whoever is alive.

    Raises `MissingExtra` without the extra `ray`, `MethodError` where the method cannot do without everybody's answer,
    and `ShardLost` where a shard dies again and again, or the quorum is not reached in ten deadlines.

    >>> Ray(shards=2, deadline=10.0)
    Ray(shards=2, address=None, deadline=10.0, quorum=0.5)
    """

    shards: int | None = None
    address: str | None = None
    deadline: float | None = None
    quorum: float = 0.5

    def mapping(self, agents: Sequence[Any]) -> Answering:
        """A map over these agents, each where its shard is, for questions without rounds: what `accord.inference` asks.

        A process that dies ends it: nothing of such questions is kept.
        """
        if self.shards is not None and self.shards < 1:
            raise MethodError(f"Ray(shards={self.shards}): give at least one shard.")
        ray = _library()
        owned = _join(ray, self.address)
        count = min(self.shards or int(ray.cluster_resources().get("CPU", 1)), len(agents))
        return Answering(ray, [agents[k::count] for k in range(count)], owned)

    def start(self, plan: Plan) -> Hosted | FirstCome | AtWill:
        """A session with an actor a shard."""
        session, patience = session_of(plan), Patience(self.deadline, self.quorum)
        patience.check(plan, self)
        if self.shards is not None and self.shards < 1:
            raise MethodError(f"Ray(shards={self.shards}): give at least one shard.")
        ray = _library()
        with ExitStack() as undo:  # what has begun, where it is interrupted before it has begun as a whole
            if owned := _join(ray, self.address):
                undo.callback(ray.shutdown)
            cores = ray.cluster_resources().get("CPU", 1)
            parts, run = divide(plan, self.shards or int(cores)), named()
            actors = Actors(ray, parts, run, patience, min(1.0, cores / len(parts)), owned)
            undo.callback(actors.close)
            actors.place(range(len(parts)))
            begun = session(plan, parts, actors, run, patience)
            undo.pop_all()
            return begun


class Answering:
    """A map over agents that stay in the processes of their shards; these end when it is let go of."""

    def __init__(self, ray: Any, parts: Sequence[Sequence[Any]], owned: bool) -> None:
        kind = ray.remote(num_cpus=min(1.0, ray.cluster_resources().get("CPU", 1) / len(parts)))(Answerer)
        self.ray, self.actors = ray, [kind.remote(list(part)) for part in parts]
        weakref.finalize(self, _let_go, ray, self.actors, owned)

    def __call__(self, function: Callable[[Any], Any], agents: Sequence[Any]) -> Iterator[Any]:
        """What the function says of each agent, in their order."""
        told = self.ray.get([actor.answer.remote(function) for actor in self.actors])
        return (told[k % len(told)][k // len(told)] for k in range(len(agents)))


class Answerer:
    """Where some agents are asked."""

    def __init__(self, agents: list[Any]) -> None:
        self.agents = agents

    def answer(self, function: Callable[[Any], Any]) -> list[Any]:
        """Of each agent."""
        return [function(agent) for agent in self.agents]


def _let_go(ray: Any, actors: list[Any], owned: bool) -> None:
    if not ray.is_initialized():
        return
    for actor in actors:
        ray.kill(actor)
    if owned:
        ray.shutdown()


class Seat:
    """Where a worker lives: a process of its own, on one core."""

    def __init__(self, worker: int, secret: bytes, alone: bool) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as good as killed: nothing of it is an agent's failure
        os.environ["PJRT_NPROC"] = "1"  # XLA would take threads for all cores, which are other shards'
        jax.config.update("jax_cpu_enable_async_dispatch", False)  # nothing to do meanwhile: save the hand-over
        machine = "127.0.0.1" if alone else _library().util.get_node_ip_address()
        self.worker, self.link = worker, Sockets(worker, secret, machine)

    def address(self) -> tuple[Address, str]:
        """Where it listens, and what it runs."""
        return self.link.address, _versions()

    def live(self, part: Part, run: str, again: float) -> None:
        """Until the host dismisses it."""
        Worker(part, run, self.link, self.worker, again).live()


class Actors(Sockets):
    """The host's end of the link, and the actors at the others."""

    def __init__(
        self, ray: Any, parts: tuple[Part, ...], run: str, patience: Patience, cores: float, owned: bool
    ) -> None:
        super().__init__(HOST, secrets.token_bytes(32))
        self.ray, self.run, self.again, self.owned = ray, run, patience.again, owned
        self.seat = ray.remote(num_cpus=cores, max_restarts=0, scheduling_strategy="SPREAD")(Seat)
        self.parts = [ray.put(part) for part in parts]  # each fetched by the one machine that needs it
        self.actors: dict[int, Any] = {}
        self.lives: dict[Any, int] = {}
        self.places: dict[int, Address] = {}

    def revive(self, worker: int) -> None:
        """Place the shard anew, wherever there is room; that the old one hangs up is no news."""
        self.forget(worker)
        self.ray.kill(self.actors[worker])
        self.place([worker])

    def receive(self, seconds: float | None = None) -> Envelope | None:
        """As read; in silence, who has died without hanging up."""
        envelope = super().receive(seconds)
        if envelope is None:
            ended, _ = self.ray.wait(list(self.lives), num_returns=len(self.lives), timeout=0)
            for life in ended:
                return Envelope("", self.lives[life], LOST, 0, 0, 0, ())
        return envelope

    def close(self) -> None:
        """Hang up, and let the cluster go."""
        super().close()
        for actor in self.actors.values():
            self.ray.kill(actor)
        if self.owned:
            self.ray.shutdown()

    def place(self, workers: Any) -> None:
        """Begin workers, and tell all where all are."""
        for worker in workers:
            self.actors[worker] = self.seat.remote(worker, self.secret, self.owned)
        for worker in workers:
            self.places[worker] = self._address(worker)
        self.lives = {life: worker for life, worker in self.lives.items() if worker not in set(workers)}
        self.introduce(self.places)
        for worker in workers:
            self.lives[self.actors[worker].live.remote(self.parts[worker], self.run, self.again)] = worker

    def _address(self, worker: int) -> Address:
        """Where a worker listens; one that dies before it can tell is placed again."""
        for _ in range(PLACES):
            try:
                address, theirs = self.ray.get(self.actors[worker].address.remote(), timeout=PLACING)
            except self.ray.exceptions.RayActorError as error:
                why = f"the process died: {error}"
                self.actors[worker] = self.seat.remote(worker, self.secret, self.owned)
                continue
            except self.ray.exceptions.GetTimeoutError:
                why = f"{PLACING:g} s have passed"
                break
            if theirs != _versions():
                raise MethodError(f"Shard {worker} is on {address[0]}, which has {theirs}, and this program has "
                                  f"{_versions()}. Install the same on every machine of the cluster.")  # fmt: skip
            return address
        raise ShardLost(f"Ray has found no place for shard {worker}; {why}. See `ray status`: the cluster may be full, "
                        "or lack Accord.")  # fmt: skip


def _versions() -> str:
    """What has to be the same on all machines, so that they speak alike and compute the same."""
    return f"Accord {version('accord')} with JAX {jax.__version__}"


def _library() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("Ray", "ray", "accord.runtimes.Ray") from error
    return ray


def _join(ray: Any, address: str | None) -> bool:
    """Whether a Ray was started here, which then ends here."""
    if ray.is_initialized():
        _warn_where_open()
        return False
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    if address.startswith("ray://"):
        raise MethodError(f"Ray(address={address!r}) is for a client outside the cluster, whom shards cannot reach. "
                          "Start the program on a machine of the cluster, or with `ray job submit`.")  # fmt: skip
    if address == "local" and not {TOKEN, f"{TOKEN}_PATH"} & os.environ.keys():
        os.environ[TOKEN] = secrets.token_hex(32)  # else Ray keeps one in a file that others may read
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it starts programs, which is not the kind of fork that JAX warns of
            ray.init(address=address, **quiet, **({"include_dashboard": False} if address == "local" else {}))
    except ConnectionError as error:
        why = str(error.__cause__ or error).partition(" Note:")[0]
        raise ShardLost(f"The Ray cluster at {address!r} cannot be joined ({why}). Give the address that "
                        "`ray start --head` printed and, where it asks for one, its token.") from error  # fmt: skip
    _warn_where_open()
    return address == "local"


def _warn_where_open() -> None:
    """Say so where the cluster lets anybody in: Ray runs what it is sent, with the rights of who has started it."""
    if os.environ.get("RAY_AUTH_MODE", "").lower() != "token":
        warnings.warn("This Ray asks nobody for a token: whoever reaches its ports runs code as you. Set RAY_AUTH_MODE="
                      "token, and RAY_AUTH_TOKEN_PATH on every machine of a cluster; see the guide to clusters.",
                      stacklevel=2)  # fmt: skip
