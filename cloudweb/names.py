"""Names and other words that people read: what must not be in them."""

from __future__ import annotations

import unicodedata


def no_control_characters(text: str) -> str:
    """Refuse control, surrogate and unassigned code points in something people read."""
    if any(unicodedata.category(char) in ("Cc", "Cs", "Cn") for char in text):
        raise ValueError("Control characters are not allowed")
    return text


def not_blank(text: str) -> str:
    """Refuse a name of white space alone."""
    if not text.strip():
        raise ValueError("It must not be blank")
    return text
