"""Units done by several processes of this machine: one that dies is replaced, and its unit is tried again."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from rtmcli import settings
from rtmcli.jobs.folder import Folder
from rtmcli.jobs.run import Execute, do_unit
from rtmcli.jobs.unit import Outcome, Unit, Work

# How often a unit is tried whose process dies.
ATTEMPTS = 3
# A process that runs other code than its parent's copy: threads of libraries do not survive a fork.
_SPAWN = multiprocessing.get_context("spawn")


def in_processes(folder: Folder, open_work: Callable[[], Work], count: int) -> Execute:
    """Does units in so many processes, each of which opens the networks once.

    Args:
        folder, open_work: are sent to the processes.
    """

    def execute(units: Sequence[Unit], wanted: Callable[[Unit], bool]) -> Generator[Outcome, None, None]:
        waiting, died = deque(units), Counter[str]()
        workers: list[_Worker] = []
        try:
            while True:
                while waiting and not wanted(waiting[0]):
                    waiting.popleft()
                idle = next((worker for worker in workers if worker.unit is None), None)
                if waiting and (idle is not None or len(workers) < count):
                    if idle is None:
                        idle = _Worker.start(folder, open_work)
                        workers.append(idle)
                    idle.give(waiting.popleft())
                    continue
                busy = {worker.pipe: worker for worker in workers if worker.unit is not None}
                if not busy:
                    return
                for pipe in wait(list(busy)):
                    worker = busy[pipe]  # type: ignore[index]  # wait may return handles of other kinds
                    unit = worker.unit
                    assert unit is not None
                    answer = worker.answer()
                    if answer is not None:
                        yield answer
                        continue
                    workers.remove(worker)
                    died[unit.file] += 1
                    if died[unit.file] < ATTEMPTS:
                        waiting.appendleft(unit)
                    else:
                        yield Outcome(unit=unit, error=f"{unit.source}: {worker.why_it_died(ATTEMPTS)}")
        finally:
            for worker in workers:
                worker.end()

    return execute


@dataclass(slots=True)
class _Worker:
    """A process and the unit that it does."""

    process: SpawnProcess
    pipe: Connection
    unit: Unit | None = None

    @classmethod
    def start(cls, folder: Folder, open_work: Callable[[], Work]) -> "_Worker":
        """Start a process; it is ready once it answers."""
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(
            target=_serve, args=(theirs, folder, open_work, settings.current().quiet), daemon=True
        )
        process.start()
        # Only the process itself holds its end now, so that ours tells when it is gone.
        theirs.close()
        return cls(process, ours)

    def give(self, unit: Unit) -> None:
        """Send it a unit."""
        self.unit = unit
        with contextlib.suppress(OSError):  # it is gone: its answer tells
            self.pipe.send(unit)

    def answer(self) -> Outcome | None:
        """What it answers; None where it has died. Raises what ends the job."""
        try:
            answer = self.pipe.recv()
        except (EOFError, OSError):
            self.end()
            return None
        self.unit = None
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, Outcome)
        return answer

    def why_it_died(self, times: int) -> str:
        """What is known about its end, in words."""
        code = self.process.exitcode
        if code == -signal.SIGKILL:
            return f"its process was killed {times} times, as for lack of memory; try fewer --workers"
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        return f"its process ended {times} times ({how})"

    def end(self) -> None:
        """Stop the process, also in the middle of a unit."""
        self.pipe.close()
        self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def _serve(pipe: Connection, folder: Folder, open_work: Callable[[], Work], quiet: bool) -> None:
    """Do units until the parent is gone."""
    # Ctrl-C goes to all processes of the terminal; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    settings.current().quiet = quiet
    work: Work | None = None
    while True:
        try:
            unit = pipe.recv()
        except EOFError:
            return
        try:
            work = work or open_work()
            answer: Outcome | Exception = do_unit(folder, work, unit)
        except Exception as error:
            answer = error
        pipe.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
