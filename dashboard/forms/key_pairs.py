"""A key pair: drawn by the cloud, or the public half of one's own."""

from __future__ import annotations

from django import forms
from django.core.validators import RegexValidator

from dashboard.forms.fields import RefusableForm
from instances.exceptions import KeyPairExists, KeyPairInvalid


class NewKeyForm(RefusableForm):
    """A key pair to be drawn."""

    FIELDS = {KeyPairExists: "name"}

    name = forms.CharField(
        max_length=255,
        validators=[
            RegexValidator(
                r"^[A-Za-z0-9 ._@-]+$", "Use letters, digits, spaces and the characters . _ @ -"
            )
        ],
    )


class ImportKeyForm(NewKeyForm):
    """A public key that exists."""

    FIELDS = {KeyPairExists: "name", KeyPairInvalid: "public_key"}

    public_key = forms.CharField(max_length=16384)
