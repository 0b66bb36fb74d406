"""What crosses the native border as JSON: camelCase there, Python's names here."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

_NAMED_CHOICES = frozenset({"customer_policy", "effect", "fault", "model", "quota_signals", "state", "when"})
"""The members whose texts are names too, such as `never_answer`; all other texts are a user's own."""


def load(text: str) -> Any:
    """Read JSON, with every name as Python writes it."""
    import json

    return _rename(json.loads(text), snake)


def dump(value: object) -> str:
    """Write JSON, with every name as the native side expects it."""
    import json

    return json.dumps(_rename(value, camel))


def snake(name: str) -> str:
    """`cuRefNo` as `cu_ref_no`; codes, which begin with a capital, stay as they are."""
    if not name[:1].islower():
        return name
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def camel(name: str) -> str:
    """`cu_ref_no` as `cuRefNo`; a name that is written so already stays as it is."""
    first, *words = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in words)


def moment(text: str) -> datetime:
    """Read a moment of RFC 3339 in UTC, to the microsecond."""
    from datetime import datetime

    whole, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")


def _rename(value: object, rename: Any) -> Any:
    if isinstance(value, dict):
        return {rename(name): _rename_member(name, member, rename) for name, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_rename(item, rename) for item in value]
    return value


def _rename_member(name: str, value: object, rename: Any) -> Any:
    if snake(name) in _NAMED_CHOICES:
        if isinstance(value, str):
            return rename(value)
        if isinstance(value, (list, tuple)):
            return [rename(item) if isinstance(item, str) else _rename(item, rename) for item in value]
    return _rename(value, rename)
