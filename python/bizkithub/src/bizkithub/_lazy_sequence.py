"""Sequences whose items are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bizkithub._typing import overload, override

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    ItemT_co = TypeVar("ItemT_co", covariant=True)

_SHOWN = 3


class LazySequence(Sequence["ItemT_co"]):
    """So many items, each made by a function of its index: ten million rows cost nothing until they are looked at."""

    def __init__(self, length: int, make: Callable[[int], ItemT_co]) -> None:
        self._length = length
        self._make = make

    @override
    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> ItemT_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ItemT_co]: ...  # noqa: F811 - an overload
    @override
    def __getitem__(self, index: int | slice) -> ItemT_co | Sequence[ItemT_co]:  # noqa: F811 - overloaded
        places = range(self._length)[index]
        return self._make(places) if isinstance(places, int) else [self._make(place) for place in places]

    @override
    def __repr__(self) -> str:
        shown = [repr(item) for item in self[:_SHOWN]]
        shown += ["..."] if self._length > _SHOWN else []
        return f"<{self._length:,} items: [{', '.join(shown)}]>"
