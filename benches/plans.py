"""What planning costs, and how it grows: beside merges alone, and beside frames that do the same work with libraries.

The input is a frame in memory, read from a file into the process that plans it, which is a process of its own for every
figure.

    python benches/plans.py write FILE ROWS         (what the harness starts)
    python benches/plans.py CONTENDER FILE
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

GROUPS = 20
SIZES = (1_000_000, 10_000_000, 50_000_000)
PATIENCE = 90.0
STILL = 15
"""Looks at the memory, tenths of a second apart, that have to agree."""


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
    import polars as pl

    # Its newest form is taken over without a copy.
    relation = duckdb.from_arrow(data.to_arrow(compat_level=pl.CompatLevel.newest()))
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


def settled() -> float:
    """Wait until what reading the frame left behind has gone back to the system: it would be taken off what comes."""
    moments = [resident()]
    while len(moments) < STILL or max(moments[-STILL:]) - min(moments[-STILL:]) > 1:
        time.sleep(0.1)
        moments.append(resident())
    return moments[-1]


def measure_here(name: str, path: str) -> None:
    """Print seconds, seconds of CPU, megabytes beside the input and the customers."""
    import polars as pl

    # Of a frame in several chunks, polars makes a copy for whoever asks for its Arrow data.
    data: Any = pl.read_ipc_stream(path).rechunk()
    if name.startswith("pandas"):
        data = data.to_pandas()
    before = settled()
    # The most that is resident, from here on: proc_pid_clear_refs(5).
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    start, start_cpu = time.perf_counter(), time.process_time()
    customers = CONTENDERS[name](data)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    status = Path("/proc/self/status").read_text("ascii")
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    print(seconds, cpu, max(peak - before, 0), customers)


def measure(rounds: int) -> list[dict[str, Any]]:
    """Measure every contender with every size, in turn; what would take minutes is left out."""
    from measure import PYTHON, run, spread

    results: list[dict[str, Any]] = []
    for rows in SIZES:
        found: dict[str, list[list[float]]] = {}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.arrow"
            run([PYTHON, __file__, "write", path, str(rows)])
            for _ in range(rounds if rows < SIZES[-1] else 1):
                for name in CONTENDERS:
                    last = next((result for result in reversed(results) if result["contender"] == name), None)
                    is_slow = last is not None and last["seconds"]["median"] * rows / last["rows"] > PATIENCE
                    is_left_out = rows > SIZES[0] and (last is None or is_slow)
                    if is_left_out:
                        continue
                    cost = run([PYTHON, __file__, name, path])
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
    if sys.argv[1] == "write":
        frame(int(sys.argv[3])).write_ipc_stream(sys.argv[2])
    else:
        measure_here(sys.argv[1], sys.argv[2])
