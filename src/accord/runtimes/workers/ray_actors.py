"""Ray actors: a process for each shard of agents, and the transport between them and the coordinator."""

from __future__ import annotations

import os
import secrets
import signal
from importlib.metadata import version
from typing import Any

import jax

from accord.errors import MethodError, MissingExtra, ShardLost
from accord.protocol.messages import COORDINATOR, Envelope, Kind
from accord.protocol.timeouts import Timeouts
from accord.protocol.transports.tcp import Address, Sockets
from accord.runtimes.workers.assignment import Assignment
from accord.runtimes.workers.worker import Worker

PLACEMENT_TIMEOUT = 120.0
"""Seconds in which a cluster has to find a place for a shard."""


MAX_PLACEMENTS = 5
"""The number of times that a shard is placed that dies before it has begun."""


class ActorProcess:
    """The process of a worker: one of its own, on one core."""

    def __init__(self, worker: int, secret: bytes, alone: bool) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # as good as killed: nothing of it is an agent's failure
        os.environ["PJRT_NPROC"] = "1"  # XLA would take threads for all cores, which are other shards'
        jax.config.update("jax_cpu_enable_async_dispatch", False)  # nothing to do meanwhile: save the hand-over
        machine = "127.0.0.1" if alone else ray_library().util.get_node_ip_address()
        self.worker, self.transport = worker, Sockets(worker, secret, machine)

    def address(self) -> tuple[Address, str]:
        """Return the address where it listens, and the versions that it runs."""
        return self.transport.address, _versions()

    def live(self, part: Assignment, run: str, again: float) -> None:
        """Until the host dismisses it."""
        Worker(part, run, self.transport, self.worker, again).live()


class RayTransport(Sockets):
    """The host's end of the link, and the actors at the others."""

    def __init__(
        self, ray: Any, parts: tuple[Assignment, ...], run: str, timeouts: Timeouts, cores: float, owned: bool
    ) -> None:
        super().__init__(COORDINATOR, secrets.token_bytes(32))
        self.ray, self.run, self.again, self.owned = ray, run, timeouts.retry_interval, owned
        self.seat = ray.remote(num_cpus=cores, max_restarts=0, scheduling_strategy="SPREAD")(ActorProcess)
        self.parts = [ray.put(part) for part in parts]  # each fetched by the one machine that needs it
        self.actors: dict[int, Any] = {}
        self.lives: dict[Any, int] = {}
        self.places: dict[int, Address] = {}

    def restart(self, worker: int) -> None:
        """Place the shard anew, wherever there is room; that the old one hangs up is no news."""
        self.forget(worker)
        self.ray.kill(self.actors[worker])
        self.place([worker])

    def receive(self, seconds: float | None = None) -> Envelope | None:
        """Receive an envelope; where none has come, report a worker that has died without closing its connection."""
        envelope = super().receive(seconds)
        if envelope is None:
            ended, _ = self.ray.wait(list(self.lives), num_returns=len(self.lives), timeout=0)
            for life in ended:
                return Envelope("", self.lives[life], Kind.LOST, 0, 0, 0, ())
        return envelope

    def close(self) -> None:
        """Hang up, and let the cluster go."""
        super().close()
        for actor in self.actors.values():
            self.ray.kill(actor)
        if self.owned:
            self.ray.shutdown()

    def place(self, workers: Any) -> None:
        """Start workers, and send all the addresses of all."""
        for worker in workers:
            self.actors[worker] = self.seat.remote(worker, self.secret, self.owned)
        for worker in workers:
            self.places[worker] = self._address(worker)
        self.lives = {life: worker for life, worker in self.lives.items() if worker not in set(workers)}
        self.introduce(self.places)
        for worker in workers:
            self.lives[self.actors[worker].live.remote(self.parts[worker], self.run, self.again)] = worker

    def _address(self, worker: int) -> Address:
        """Return the address where a worker listens; one that dies before it can report it is placed again."""
        for _ in range(MAX_PLACEMENTS):
            try:
                address, theirs = self.ray.get(self.actors[worker].address.remote(), timeout=PLACEMENT_TIMEOUT)
            except self.ray.exceptions.RayActorError as error:
                why = f"the process died: {error}"
                self.actors[worker] = self.seat.remote(worker, self.secret, self.owned)
                continue
            except self.ray.exceptions.GetTimeoutError:
                why = f"{PLACEMENT_TIMEOUT:g} s have passed"
                break
            if theirs != _versions():
                raise MethodError(
                    f"Shard {worker} is on {address[0]}, which has {theirs}, and this program has "
                    f"{_versions()}. Install the same on every machine of the cluster."
                )
            return address
        raise ShardLost(
            f"Ray has found no place for shard {worker}; {why}. See `ray status`: the cluster may be full, "
            "or lack Accord."
        )


def _versions() -> str:
    """Return the versions that must be the same on all machines, so that messages and results agree."""
    return f"Accord {version('accord')} with JAX {jax.__version__}"


def ray_library() -> Any:
    """Import Ray, which is an extra, without its reports of usage."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("Ray", "ray", "accord.runtimes.Ray") from error
    return ray
