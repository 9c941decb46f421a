"""How `peers.py` talks to a program it measures: a process that answers JSON lines on stdin with JSON lines on stdout.

Imports nothing but the standard library, for the other side has an environment of its own.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

Answer = dict[str, Any]


def settings() -> dict[str, Any]:
    """The process's one argument; it is held to the CPUs named there before any thread pool is made."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    os.sched_setaffinity(0, given["cpus"])
    return given


def serve(facts: Answer, lap: Callable[[], Answer], look: Callable[[list[Any]], list[Any]]) -> None:
    """Say `facts`, then answer `lap` (once through the clip, timed) and `look BOXES` (what is in every frame).

    stdout belongs to the answers: whatever else prints goes to stderr.
    """
    out, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps(facts), file=out, flush=True)
    for line in sys.stdin:
        if line.strip() == "lap":
            wall, cpu = time.perf_counter(), time.process_time()
            answer: Any = lap()
            answer |= {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        else:
            answer = look(json.loads(line.removeprefix("look")))
        print(json.dumps(answer), file=out, flush=True)
