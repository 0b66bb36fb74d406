"""Frozen classes without `dataclasses`, whose import takes longer than all of this package's."""

from __future__ import annotations

from bizkithub._typing import dataclass_transform, override

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from typing_extensions import Self


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Record:
    """A value with named fields that cannot be changed: compared, hashed, copied and pickled by its fields."""

    _fields: ClassVar[tuple[str, ...]] = ()

    @override
    def __init_subclass__(cls) -> None:
        cls._fields = tuple(cls.__annotations__)

    def __init__(self, **fields: Any) -> None:
        if fields.keys() != set(self._fields):
            raise TypeError(f"{type(self).__name__} takes exactly {', '.join(self._fields)}, each by name")
        self.__dict__.update(fields)

    @override
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be set")

    @override
    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")

    @override
    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__name__}({fields})"

    @override
    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    @override
    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self._fields)))

    def __copy__(self) -> Self:
        return self
