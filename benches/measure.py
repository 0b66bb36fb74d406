"""How everything is measured: a program in a process of its own, its CPU time and memory, and the servers it calls."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parents[1]
CONTENDERS = Path(__file__).parent / "contenders"
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
COMMAND = RELEASE / "bizkithub"
KEY = "DEV_0123456789abcdefghijABCDEFGH"
PYTHON = sys.executable
NODE = os.environ.get("BIZKITHUB_BENCH_NODE", "node")
TICKS = os.sysconf("SC_CLK_TCK")

Command: TypeAlias = "Sequence[str | Path]"


# What a company sets for its proxy would otherwise be obeyed by some of the clients and not by others.
for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
    for spelling in (name, name.lower()):
        os.environ.pop(spelling, None)


@dataclass
class Cost:
    """What a program cost, from its start to its end."""

    seconds: float
    cpu: float
    megabytes: float
    """The most that it had in memory at once."""
    status: int
    output: str


def run(
    command: Command,
    environment: Mapping[str, str] | None = None,
    *,
    kill_when: threading.Event | None = None,
    limit: float = 1800,
) -> Cost:
    """Run a program to its end, or until it is to be killed; its children count too, as far as it waits for them."""
    with tempfile.TemporaryDirectory() as name:
        figures = Path(name) / "figures.json"
        launcher = [PYTHON, "-I", "-S", Path(__file__).with_name("launch.py"), figures]
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in (*launcher, *command)],
            env=os.environ | (environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        is_over = threading.Event()

        def guard() -> None:
            until = time.monotonic() + limit
            while not is_over.wait(0.005):
                if time.monotonic() > until or (kill_when and kill_when.is_set()):
                    os.killpg(process.pid, signal.SIGKILL)
                    return

        guardian = threading.Thread(target=guard)
        guardian.start()
        output, errors = process.communicate()
        seconds = time.perf_counter() - start
        is_over.set()
        guardian.join()
        if process.returncode < 0:
            return Cost(seconds, 0, 0, process.returncode, output)
        if process.returncode > 1:
            print(errors[-2000:], file=sys.stderr)
        return Cost(seconds, **json.loads(figures.read_text("ascii")), status=process.returncode, output=output)


def cpu_seconds(pid: int) -> float:
    """CPU time of a running process, user and system, all threads: proc_pid_stat(5), to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def server(command: Command) -> Iterator[str]:
    """Run a server that prints a line when it is ready and serves until its input ends; yields the line."""
    with subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def spread(values: Sequence[float]) -> dict[str, float]:
    """Tell the median of some values, and the least and the greatest."""
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def write(path: Path, value: object) -> None:
    """Keep results as JSON that a difference can be read of."""
    path.write_text(json.dumps(value, indent=1) + "\n", "utf-8")
