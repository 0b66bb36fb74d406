"""Predicted slugs."""

from __future__ import annotations

from bizkithub import _native


def slug(text: str) -> str:
    """Predict the slug that the server makes of a group's text.

    Args:
        text: Any text. A text that already is a slug comes back as it is.

    Returns:
        At most 64 of `a-z 0-9 -`; empty when nothing of the text survives. A prediction: the server's own `toSlug` has
        the last word.

    Raises:
        InvalidInputError: It is no text.

    """
    return _native.slug(text)
