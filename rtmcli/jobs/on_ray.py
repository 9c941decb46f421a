"""Units done by actors of a Ray cluster, which places them. A lost actor is replaced, and its unit done again."""

import os
import signal
import socket
import sys
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from rtmcli.errors import MissingError, RtmError
from rtmcli.jobs.folder import Folder
from rtmcli.jobs.run import Execute, do_unit
from rtmcli.jobs.unit import Outcome, Unit, Work

# How often a unit is done again whose actor or node is lost.
RETRIES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Which cluster, and what an actor takes of it.

    Attributes:
        address: as for `ray.init`: "auto", `host:port`, `ray://host:port`, or "local" for one of this machine's own.
        cpus, gpus: of each actor; a part of a GPU may be shared.
        actors: how many; None for as many as the cluster has room for when the job begins. More than that are a request
            to Ray's autoscaler.
    """

    address: str
    cpus: float = 1
    gpus: float = 0
    actors: int | None = None


def on_ray(folder: Folder, open_work: Callable[[], Work], cluster: Cluster) -> Execute:
    """Does units with actors, each of which opens the networks once and does one unit at a time.

    Args:
        folder, open_work: are sent to the actors; all nodes must see the folder, and have rtm installed.

    Raises:
        MissingError: Ray is not installed. RtmError: no such cluster, or not enough of it for one actor.
    """

    def execute(units: Sequence[Unit], wanted: Callable[[Unit], bool]) -> Generator[Outcome, None, None]:
        # Ray prints what happens to its nodes to standard output, where the lines of the job go.
        with redirect_stdout(sys.stderr):
            if units:
                yield from on_cluster(units, wanted)

    def on_cluster(units: Sequence[Unit], wanted: Callable[[Unit], bool]) -> Generator[Outcome, None, None]:
        ray = _connect(cluster.address)
        # Ray reports the loss of an actor after its own retries, or before them where a node does not answer. Counted
        # here, a unit that kills its workers is begun three times, and not more often.
        remote = ray.remote(num_cpus=cluster.cpus, num_gpus=cluster.gpus, max_restarts=0, max_task_retries=0)(
            _Actor
        )
        begin = partial(remote.remote, os.getcwd(), folder, open_work)
        waiting, running, losses = deque(units), {}, Counter[str]()
        idle = [begin() for _ in range(_count(ray, cluster, len(units)))]
        try:
            while True:
                while waiting and idle:
                    unit = waiting.popleft()
                    if wanted(unit):
                        actor = idle.pop()
                        running[actor.do.remote(unit)] = actor, unit
                if not waiting:
                    # An actor whose node was lost may wait for the room that these take.
                    for actor in idle:
                        ray.kill(actor)
                    idle = []
                if not running:
                    return
                (done, *_), _ = ray.wait(list(running))
                actor, unit = running.pop(done)
                try:
                    answer = ray.get(done)
                except ray.exceptions.RayError as error:
                    # It died, or its node does not answer: another one, wherever there is room.
                    ray.kill(actor)
                    actor = begin()
                    losses[unit.file] += 1
                    if losses[unit.file] <= RETRIES:
                        waiting.appendleft(unit)
                        idle.append(actor)
                        continue
                    answer = Outcome(unit=unit, error=_lost(unit, error))
                if isinstance(answer, BaseException):
                    raise answer
                idle.append(actor)
                yield answer
        finally:
            for actor in [*idle, *(actor for actor, _ in running.values())]:
                ray.kill(actor)
            ray.shutdown()

    return execute


class _Actor:
    """What runs in the cluster."""

    def __init__(self, working_folder: str, folder: Folder, open_work: Callable[[], Work]) -> None:
        # Relative names are those of the machine that began the job.
        with suppress(OSError):
            os.chdir(working_folder)
        self._folder, self._open_work = folder, open_work
        self._work: Work | None = None

    def do(self, unit: Unit) -> Outcome | Exception:
        """Do a unit. An error that ends the job is returned, not raised: Ray would wrap it."""
        try:
            self._work = self._work or self._open_work()
            return do_unit(self._folder, self._work, unit)
        except Exception as error:
            return error


def _connect(address: str) -> Any:
    """The module `ray`, connected to a cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError:
        raise MissingError("--ray needs Ray: pip install 'rtmcli[ray]'") from None
    _check_answers(address)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        # What actors print would go to standard output.
        ray.init(address=address, log_to_driver=False, logging_level="error", ignore_reinit_error=True)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _unreachable(address, error) from None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return ray


def _check_answers(address: str) -> None:
    """Raise RtmError where nothing listens at an address: Ray would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise _unreachable(address, error) from None


def _unreachable(address: str, error: Exception) -> RtmError:
    reason = " ".join(str(error).split())
    return RtmError(
        f"--ray {address}: no Ray cluster can be reached ({reason}); start one with 'ray start --head', or give its "
        "address"
    )


def _count(ray: Any, cluster: Cluster, units: int) -> int:
    """How many actors to start."""
    if cluster.actors is not None:
        return min(units, cluster.actors)
    has = ray.cluster_resources()
    room = [
        int(has.get(name, 0) / each) for name, each in (("CPU", cluster.cpus), ("GPU", cluster.gpus)) if each
    ]
    if not room or min(room) < 1:
        raise RtmError(
            f"the Ray cluster has {has.get('CPU', 0):g} CPUs and {has.get('GPU', 0):g} GPUs, too few for a worker "
            f"with {cluster.cpus:g} and {cluster.gpus:g}; lower --cpus-per-worker or --gpus-per-worker"
        )
    return min(units, *room)


def _lost(unit: Unit, error: Exception) -> str:
    return (
        f"{unit.source}: its Ray worker was lost {RETRIES + 1} times ({type(error).__name__}), as for lack of memory; "
        "see Ray's logs"
    )
