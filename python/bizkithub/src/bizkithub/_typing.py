"""What of `typing` this package needs when it runs, without the 15 milliseconds that its import takes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import dataclass_transform, overload, override
else:

    def dataclass_transform(**_):
        """Tell type checkers how subclasses are made; does nothing when the program runs."""
        return lambda cls: cls

    def overload(function):
        """Tell type checkers about one of several signatures; does nothing when the program runs."""
        return function

    def override(method):
        """Tell type checkers that a base has the method; does nothing when the program runs."""
        return method


__all__ = ["dataclass_transform", "overload", "override"]
