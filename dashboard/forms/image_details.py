"""An image's tags, properties and members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from dashboard.forms.fields import RefusableForm
from image.changes import RESERVED_PREFIX, Change


class ImageWordsForm(RefusableForm):
    """Tags with commas between, and properties one a line as ``name=value``."""

    tags = forms.CharField(required=False, max_length=40_000)
    properties = forms.CharField(required=False, max_length=1_000_000)

    def __init__(self, *args: Any, properties: Mapping[str, str], **options: Any) -> None:
        self.before = _editable(properties)
        super().__init__(*args, **options)

    @classmethod
    def texts(cls, tags: Sequence[str], properties: Mapping[str, str]) -> dict[str, str]:
        """Return what the fields show at first."""
        lines = [f"{name}={text}" for name, text in _editable(properties).items()]
        return {"tags": ", ".join(tags), "properties": "\n".join(lines)}

    def clean_tags(self) -> list[str]:
        """Return the tags."""
        parts = str(self.cleaned_data["tags"]).split(",")
        return list(dict.fromkeys(part.strip() for part in parts if part.strip()))

    def clean_properties(self) -> dict[str, str]:
        """Return the properties by name."""
        found: dict[str, str] = {}
        for line in str(self.cleaned_data["properties"]).splitlines():
            if not line.strip():
                continue
            name, equals, text = line.partition("=")
            if not equals or not name.strip():
                raise ValidationError(f"“{line[:40]}” is not name=value.")
            if name.strip() in found:
                raise ValidationError(f"“{name.strip()[:40]}” is there twice.")
            found[name.strip()] = text.strip()
        return found

    def changes(self) -> Sequence[Change]:
        """Return what differs as a patch."""
        after: dict[str, str] = self.cleaned_data["properties"]
        gone = [Change("remove", name) for name in self.before if name not in after]
        set_anew = [
            Change("add", name, text)
            for name, text in after.items()
            if self.before.get(name) != text
        ]
        return [Change("replace", "tags", self.cleaned_data["tags"]), *gone, *set_anew]


def _editable(properties: Mapping[str, str]) -> dict[str, str]:
    """Leave out what the cloud itself writes, and what one line cannot show."""
    return {
        name: text
        for name, text in properties.items()
        if not name.startswith(RESERVED_PREFIX) and len(text.splitlines()) < 2 and "=" not in name
    }


class MemberForm(RefusableForm):
    """A project to share an image with."""

    project = forms.CharField(max_length=64, strip=True)
