"""Rows in memory: what one may be, and how they arrive."""

from __future__ import annotations

from bizkithub import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Mapping
    from typing import Any, TypeAlias

    from typing_extensions import TypeIs

    Row: TypeAlias = Mapping[str, Any] | tuple[Any, ...] | list[Any]

_PART = 1_000
"""How many rows are read between two looks at the event loop."""


def is_async(rows: object) -> TypeIs[AsyncIterable[Row]]:
    """Whether rows arrive over time."""
    return hasattr(rows, "__aiter__")


async def read(rows: AsyncIterable[Row] | Iterable[Row], settings: _native.PlanSettings) -> _native.RowsInParts:
    """Read rows part by part; the event loop goes on in between."""
    from asyncio import sleep
    from itertools import islice

    parts = _native.RowsInParts(settings)
    if not is_async(rows):
        try:
            left = iter(rows)
        except TypeError:
            # The native side knows the error.
            parts.read(rows)
            raise
        while part := list(islice(left, _PART)):
            parts.read(part)
            await sleep(0)
        return parts
    part = []
    async for row in rows:
        part.append(row)
        if len(part) == _PART:
            parts.read(part)
            part = []
    parts.read(part)
    return parts
