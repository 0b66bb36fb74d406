"""Measures planning: seconds, CPU and memory, beside the bare merge of polars and duckdb.

The input is a frame of polars in memory. Each contender runs in a process of its own, one after the other, some rounds
in turn. Ours validates every address, predicts every slug and numbers every row; theirs only merge.

    .venv/bin/python benches/plans.py [ROWS] [ROUNDS]
"""

from __future__ import annotations

import ctypes
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

GROUPS = 20


def frame(rows: int) -> Any:
    """Rows of `user{k}@example.com` with one of 20 groups, on average 2.7 rows a customer."""
    customers = int(rows * 0.4)
    numbers = pl.DataFrame({"row": pl.int_range(rows, eager=True)}).select(
        (pl.col("row").hash(seed=1) % customers).alias("customer"),
        (pl.col("row").hash(seed=2) % GROUPS).alias("group"),
    )
    return numbers.select(
        pl.format("user{}@example.com", "customer").alias("email"),
        pl.format("group-{}", "group").alias("segment"),
    )


def ours(data: Any) -> int:
    """Plan with bizkithub; the address is never used."""
    import bizkithub

    client = bizkithub.Client("DEV_0123456789abcdefghijABCDEFGH", base_url="http://127.0.0.1:1")
    return client.plan(data, email="email", groups="segment").bill.requests


def polars(data: Any) -> int:
    """Merge with polars, in memory."""
    return int(data.group_by("email").agg(pl.col("segment").unique()).height)


def duckdb(data: Any) -> int:
    """Merge with duckdb, into Arrow."""
    import duckdb

    relation = duckdb.from_arrow(data.to_arrow())
    merged = relation.aggregate("email, list(distinct segment) as segments", "email")
    return int(merged.to_arrow_table().num_rows)


CONTENDERS: dict[str, Callable[[Any], int]] = {
    "bizkithub": ours,
    "polars": polars,
    "duckdb": duckdb,
}


def resident() -> float:
    """Tell the memory of this process, in megabytes."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(name: str, rows: int) -> None:
    """Print seconds, seconds of CPU, megabytes beside the input and the customers."""
    data = frame(rows)
    # What making the frame left behind would hide what comes.
    ctypes.CDLL(None).malloc_trim(0)
    before, peak, is_over = resident(), [0.0], threading.Event()

    def watch() -> None:
        while not is_over.wait(0.01):
            peak[0] = max(peak[0], resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start, start_cpu = time.perf_counter(), time.process_time()
    customers = CONTENDERS[name](data)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    is_over.set()
    watcher.join()
    print(seconds, cpu, max(peak[0] - before, 0), customers)


def main() -> None:
    """Run every contender, some rounds in turn."""
    if len(sys.argv) > 1 and sys.argv[1] in CONTENDERS:
        measure(sys.argv[1], int(sys.argv[2]))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3  # noqa: PLR2004
    results: dict[str, list[list[float]]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, found in results.items():
            command = [sys.executable, __file__, name, str(rows)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
            found.append([float(number) for number in output.split()])
    for name, found in results.items():
        seconds, cpu, megabytes, customers = (statistics.median(column) for column in zip(*found, strict=True))
        cost = f"{seconds:.1f} s, {cpu:.1f} s of CPU, {megabytes:.0f} MB beside the input"
        print(f"{name}: {rows:,} rows, {customers:,.0f} customers: {cost}")


if __name__ == "__main__":
    main()
