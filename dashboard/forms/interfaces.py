"""A network card for a server."""

from __future__ import annotations

from django import forms

from dashboard.forms.networks import GONE, OfferingForm


class AttachInterfaceForm(OfferingForm):
    """The network that it is to be on, or the port that it is to have."""

    what = forms.ChoiceField(error_messages={"required": "Choose a network or a port.", **GONE})
