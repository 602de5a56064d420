"""The volumes of a server."""

from __future__ import annotations

from django import forms

from dashboard.forms.networks import GONE, OfferingForm


class SwapVolumeForm(OfferingForm):
    """What is to take a volume's place."""

    volume = forms.ChoiceField(error_messages={"required": "Choose a volume.", **GONE})
