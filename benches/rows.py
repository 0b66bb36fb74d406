"""The rows of the jobs: customers that exist, and one row in twenty that a careful tool refuses or the server does."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bizkithub.sandbox_types import SeededCustomer

GROUPS = [f"group-{number}" for number in range(20)]


@dataclass
class Rows:
    """A file of rows, and what is true of it."""

    path: Path
    count: int
    bad: int = 0
    wanted: dict[str, set[str]] = field(default_factory=dict)
    """The customers of the good rows, with their groups."""

    @property
    def customers(self) -> list[SeededCustomer]:
        """Those that the server knows from the start."""
        return [{"email": email} for email in self.wanted]


def make(path: Path, count: int, customers: int) -> Rows:
    """Write a file of so many rows: a twentieth has no address, an unknown customer, or a group of no letter."""
    chance = random.Random(count)
    rows = Rows(path, count, wanted={f"customer-{number}@example.com": set() for number in range(customers)})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "segment"])
        for number in range(count):
            email, group = f"customer-{chance.randrange(customers)}@example.com", chance.choice(GROUPS)
            match number % 60:
                case 0:
                    writer.writerow([email.replace("@", " at "), group])
                case 20:
                    writer.writerow([f"stranger-{number}@example.com", group])
                case 40:
                    writer.writerow([email, "💪"])
                case _:
                    writer.writerow([email, group])
                    rows.wanted[email].add(group)
                    continue
            rows.bad += 1
    return rows
