"""Keys and values in a form, one pair a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms


class SpecsField(forms.CharField):
    """``key=value`` lines, read as a dictionary."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 4, "placeholder": "key=value"})
        super().__init__(**{"required": False, "widget": widget, **kwargs})

    def clean(self, value: Any) -> Any:
        """Return keys and values; refuse a line that is no ``key=value``."""
        specs = {}
        for line in filter(None, map(str.strip, super().clean(value).splitlines())):
            key, sign, said = line.partition("=")
            if not key.strip() or not sign or len(key) > 255 or len(said) > 255:
                raise forms.ValidationError(f"Not key=value: {line[:80]}")
            specs[key.strip()] = said.strip()
        return specs


def written(specs: Mapping[str, str]) -> str:
    """Return the text of keys and values."""
    return "\n".join(f"{key}={value}" for key, value in specs.items())
