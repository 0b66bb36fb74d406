"""What planning costs, and how it grows: beside merges alone, and beside frames that do the same work with libraries.

The input is a frame in memory, made in the process that plans it, which is a process of its own for every figure.

    python benches/plans.py CONTENDER ROWS     (what the harness starts)
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

GROUPS = 20
SIZES = (1_000_000, 10_000_000, 50_000_000)
PATIENCE = 90.0


def frame(rows: int) -> Any:
    """Rows of `user{k}@example.com` with one of 20 groups, on average 2.7 rows a customer, as a frame of polars."""
    import polars as pl

    customers = int(rows * 0.4)
    numbers = pl.DataFrame({"row": pl.int_range(rows, eager=True)}).select(
        (pl.col("row").hash(seed=1) % customers).alias("customer"),
        (pl.col("row").hash(seed=2) % GROUPS).alias("group"),
    )
    return numbers.select(
        pl.format("user{}@example.com", "customer").alias("email"),
        pl.format("Group {}", "group").alias("segment"),
    )


def ours(data: Any) -> int:
    """Plan with bizkithub; the address is never used."""
    import bizkithub

    client = bizkithub.Client("DEV_0123456789abcdefghijABCDEFGH", base_url="http://127.0.0.1:1")
    return client.plan(data, email="email", groups="segment").bill.requests


def polars_merge(data: Any) -> int:
    """Merge with polars."""
    import polars as pl

    return int(data.group_by("email").agg(pl.col("segment").unique()).height)


def duckdb_merge(data: Any) -> int:
    """Merge with duckdb, into Arrow."""
    import duckdb

    relation = duckdb.from_arrow(data.to_arrow())
    merged = relation.aggregate("email, list(distinct segment) as segments", "email")
    return int(merged.to_arrow_table().num_rows)


def is_valid(email: str) -> bool:
    """Ask email-validator, which asks no name server here."""
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(email, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def polars_whole(data: Any) -> int:
    """Validate every address and predict every slug, each text once, and merge with polars."""
    import polars as pl
    from slugify import slugify

    emails = data.select(pl.col("email").unique())
    valid = emails.filter(pl.col("email").map_elements(is_valid, return_dtype=pl.Boolean))
    segments = data.select(pl.col("segment").unique())
    slugs = segments.with_columns(slug=pl.col("segment").map_elements(slugify, return_dtype=pl.String))
    merged = data.join(valid, on="email").join(slugs, on="segment").group_by("email").agg(pl.col("slug").unique())
    return int(merged.height)


def pandas_whole(data: Any) -> int:
    """Validate every address and predict every slug, each text once, and merge with pandas."""
    import pandas as pd
    from slugify import slugify

    table = data if isinstance(data, pd.DataFrame) else data.to_pandas()
    valid = {email: is_valid(email) for email in table["email"].unique()}
    slugs = {segment: slugify(segment) for segment in table["segment"].unique()}
    table = table[table["email"].map(valid)]
    return len(table.assign(slug=table["segment"].map(slugs)).groupby("email")["slug"].agg(set))


CONTENDERS: dict[str, Callable[[Any], int]] = {
    "bizkithub": ours,
    "polars, the merge alone": polars_merge,
    "duckdb, the merge alone": duckdb_merge,
    "polars, email-validator, python-slugify": polars_whole,
    "pandas, email-validator, python-slugify": pandas_whole,
}


def resident() -> float:
    """Tell the memory of this process, in megabytes."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure_here(name: str, rows: int) -> None:
    """Print seconds, seconds of CPU, megabytes beside the input and the customers."""
    data = frame(rows)
    if name.startswith("pandas"):
        data = data.to_pandas()
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


def measure(rounds: int) -> list[dict[str, Any]]:
    """Measure every contender with every size, in turn; what would take minutes is left out."""
    from measure import PYTHON, run, spread

    results: list[dict[str, Any]] = []
    for rows in SIZES:
        found: dict[str, list[list[float]]] = {}
        for _ in range(rounds if rows < SIZES[-1] else 1):
            for name in CONTENDERS:
                last = next((result for result in reversed(results) if result["contender"] == name), None)
                is_slow = last is not None and last["seconds"]["median"] * rows / last["rows"] > PATIENCE
                is_left_out = rows > SIZES[0] and (last is None or is_slow)
                if is_left_out:
                    continue
                cost = run([PYTHON, __file__, name, str(rows)])
                found.setdefault(name, []).append([float(number) for number in cost.output.split()])
                print(name, rows, found[name][-1], flush=True)
        customers = {figures[3] for runs in found.values() for figures in runs}
        if len(customers) > 1:
            message = f"they do not agree on the customers: {customers}"
            raise RuntimeError(message)
        for name, runs in found.items():
            seconds, cpu, megabytes, merged = zip(*runs, strict=True)
            results.append(
                {
                    "contender": name,
                    "rows": rows,
                    "customers": int(merged[0]),
                    "rounds": len(runs),
                    "seconds": spread(seconds),
                    "cpu_seconds": spread(cpu),
                    "megabytes": spread(megabytes),
                }
            )
    return results


if __name__ == "__main__":
    measure_here(sys.argv[1], int(sys.argv[2]))
