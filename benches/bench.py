"""Measures everything beside its peers, and writes what was found to `results.json` and to the documentation.

    python benches/bench.py [--only calls,jobs,quota,plans,growth,footprint] [--rounds 5]

`make bench` installs what it needs and starts it. Sections that are left out keep the results that they have.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import machine
import page
from measure import write

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).with_name("results.json")
SECTIONS = ("footprint", "quota", "plans", "jobs", "calls", "growth")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is asked for, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only",
        default=",".join(SECTIONS),
        help="sections to measure, separated by commas; an empty text writes the page alone",
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured, in turn [default: 5]")
    given = parser.parse_args(arguments)
    results = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    for section in filter(None, given.only.split(",")):
        print(f"# {section}", flush=True)
        found = import_module(section).measure(given.rounds)
        results[section] = {
            "date": datetime.now(timezone.utc).date().isoformat(),
            "machine": machine.describe(),
            "versions": machine.versions(),
            "results": found,
        }
        write(RESULTS, results)
    page.write(results)


if __name__ == "__main__":
    main()
