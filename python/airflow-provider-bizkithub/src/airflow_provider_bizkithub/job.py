"""What a task has done so far, over all its legs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bizkithub import Report

_CODES = 12
"""How many codes a summary names: it has to stay small in the table of XComs."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the legs of one try of a task have in common. It goes through Airflow's database as plain JSON."""

    started_at: str
    """When the first leg began, as text of ISO 8601."""
    legs: int = 0
    requests: int = 0
    throttled: int = 0
    skipped: int | None = None
    """Rows that the ledger knew before the first leg."""

    @classmethod
    def begin(cls) -> Job:
        """Begin with the first leg."""
        return cls(started_at=datetime.now(timezone.utc).isoformat(timespec="seconds"))

    def after(self, report: Report) -> Job:
        """Count another leg."""
        return replace(
            self,
            legs=self.legs + 1,
            requests=self.requests + report.requests_sent,
            throttled=self.throttled + report.throttled,
            skipped=report.skipped if self.skipped is None else self.skipped,
        )

    def values(self) -> dict[str, Any]:
        """Turn into plain values."""
        return asdict(self)

    def summary(self, report: Report, rejects: str | None) -> dict[str, Any]:
        """Summarise the task after its last leg, for XCom: less than 2 KB.

        Rows of earlier legs count as applied, although the last leg found them in the ledger.
        """
        skipped = min(self.skipped or 0, report.skipped)
        codes = sorted(report.rejected_by_code.items(), key=lambda item: -item[1])[:_CODES]
        began = datetime.fromisoformat(self.started_at)
        return {
            "rows": report.rows,
            "applied": report.applied + report.skipped - skipped,
            "skipped": skipped,
            "rejected": report.rejected,
            "pending": report.pending,
            "unknown": report.unknown,
            "rejected_by_code": {code[:64]: rows for code, rows in codes},
            "rejects": rejects,
            "requests": self.requests,
            "throttled": self.throttled,
            "legs": self.legs,
            "started_at": self.started_at,
            "seconds": round((datetime.now(timezone.utc) - began).total_seconds(), 1),
        }
