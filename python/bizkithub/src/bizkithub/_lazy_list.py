"""Collections whose items are made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Reversible, Sequence

from bizkithub._typing import overload, override

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    ItemT_co = TypeVar("ItemT_co", covariant=True)

_SHOWN = 3


class LazyList(Reversible["ItemT_co"]):
    """So many items, each made by a function of its index: ten million rows cost nothing until they are looked at.

    It is no `Sequence`: libraries that ask for one would take every item of a table by itself.
    """

    def __init__(self, length: int, make: Callable[[int], ItemT_co]) -> None:
        self._length = length
        self._make = make

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> ItemT_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ItemT_co]: ...  # noqa: F811 - an overload
    def __getitem__(self, index: int | slice) -> ItemT_co | Sequence[ItemT_co]:  # noqa: F811 - overloaded
        places = range(self._length)[index]
        return self._make(places) if isinstance(places, int) else [self._make(place) for place in places]

    @override
    def __iter__(self) -> Iterator[ItemT_co]:
        return map(self._make, range(self._length))

    @override
    def __reversed__(self) -> Iterator[ItemT_co]:
        return map(self._make, reversed(range(self._length)))

    @override
    def __repr__(self) -> str:
        shown = [repr(item) for item in self[:_SHOWN]]
        shown += ["..."] if self._length > _SHOWN else []
        return f"<{self._length:,} items: [{', '.join(shown)}]>"


class LazySequence(LazyList["ItemT_co"], Sequence["ItemT_co"]):
    """A lazy list that is a `Sequence`."""
