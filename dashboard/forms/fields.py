"""Fields and errors that forms share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from cloudweb.exceptions import CloudwebError, InvalidInput
from cloudweb.names import no_control_characters
from dashboard.components.words import spoken


class NameField(forms.CharField):
    """A name as every service takes it: up to 255 characters, no control characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=255, **options)

    def clean(self, value: Any) -> Any:
        """Return the name; say what is wrong with it."""
        text = super().clean(value)
        try:
            return no_control_characters(text)
        except ValueError as error:
            raise ValidationError("Control characters are not allowed.") from error


class RefusableForm(forms.Form):
    """A form that can show what a manager refused, at the field it is about.

    ``FIELDS`` maps the classes of errors to fields.
    """

    FIELDS: Mapping[type[CloudwebError], str] = {}

    def refuse(self, error: CloudwebError) -> None:
        """Add an error: at the field it names or is about, else above the form."""
        about = error.field.partition(".")[0] if isinstance(error, InvalidInput) else None
        if about not in self.fields:
            found = (name for kind, name in self.FIELDS.items() if isinstance(error, kind))
            about = next(found, None)
        text = error.reason if isinstance(error, InvalidInput) and about else spoken(error)
        self.add_error(about, text)
