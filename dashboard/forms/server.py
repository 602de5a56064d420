"""What changes about a server."""

from __future__ import annotations

from dashboard.forms.fields import NameField, RefusableForm


class RenameForm(RefusableForm):
    """A server's name."""

    name = NameField()
