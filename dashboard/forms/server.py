"""What changes about a server."""

from __future__ import annotations

from django import forms

from dashboard.forms.fields import NameField, RefusableForm


class RenameForm(RefusableForm):
    """A server's name."""

    name = NameField()


class FromImageForm(RefusableForm):
    """What a server is made anew from, or rescued with."""

    image = forms.CharField(required=False, max_length=64)
    password = forms.CharField(required=False, max_length=255, strip=False)
