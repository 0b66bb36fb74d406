"""Counts the instructions of the hot paths under callgrind, and compares them with those that are committed.

    python benches/instructions.py [--write]

A count is what one more call, row or request takes: the difference of two runs, so that the start and the end of the
process are none of it. It ends with 1 where a path takes more than a twentieth more than `instructions.json` says;
`--write` writes what was counted there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "examples" / "hot_paths"
FIGURES = Path(__file__).with_name("instructions.json")
# The fewer, and the more by as many: enough that what happens once in a while happens in both.
PATHS = {"slug": 2_000, "email": 2_000, "call": 2_000, "plan": 20_000, "run": 10_000, "ledger": 10_000}
OF_ROWS = {"plan", "run", "ledger"}
TOLERANCE = 0.05


def rows(folder: Path, count: int) -> Path:
    """Write so many rows, two for each customer."""
    path = folder / f"{count}.csv"
    lines = (f"customer-{number // 2}@example.com,Group {number % 20}\n" for number in range(count))
    path.write_text("email,segment\n" + "".join(lines), "utf-8")
    return path


def instructions(path: str, argument: int | Path) -> int:
    """Run a path under callgrind and read how many instructions the whole process took."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "callgrind.out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}", str(PROGRAM), path, str(argument)]
        found = subprocess.run(command, check=False, capture_output=True, text=True)
        if found.returncode != 0:
            sys.exit(found.stderr)
        [total] = re.findall(r"^summary: (\d+)", output.read_text("utf-8"), re.MULTILINE)
    return int(total)


def count(path: str) -> int:
    """Instructions of one more time."""
    times = PATHS[path]
    with tempfile.TemporaryDirectory() as folder:
        few, many = (rows(Path(folder), number) if path in OF_ROWS else number for number in (times, 2 * times))
        return round((instructions(path, many) - instructions(path, few)) / times)


def main() -> None:
    """Count and compare."""
    is_to_write = "--write" in sys.argv
    known = {} if is_to_write else json.loads(FIGURES.read_text("utf-8"))
    counts = {}
    slower = []
    for path in PATHS:
        counts[path] = count(path)
        if is_to_write:
            print(f"{path:8} {counts[path]:8,} instructions", flush=True)
            continue
        change = counts[path] / known[path] - 1
        print(f"{path:8} {counts[path]:8,} instructions {change:+.1%}", flush=True)
        if change > TOLERANCE:
            slower.append(path)
    if is_to_write:
        FIGURES.write_text(json.dumps(counts, indent=2) + "\n", "utf-8")
    elif slower:
        sys.exit(
            f"more than before: {', '.join(slower)}. If that is the price of something, write the figures anew: --write"
        )


if __name__ == "__main__":
    main()
