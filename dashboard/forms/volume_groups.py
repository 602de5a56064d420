"""Groups of volumes: what is made, what they are called, what comes in."""

from __future__ import annotations

from django import forms

from cloudweb.exceptions import QuotaExceeded
from dashboard.forms.fields import NameField, RefusableForm
from dashboard.forms.networks import GONE, OfferingForm

NO_KIND = "Choose a kind. Where none is offered, operators have to make one."


class NewVolumeGroupForm(OfferingForm):
    """A group without volumes."""

    FIELDS = {QuotaExceeded: "name"}

    name = NameField()
    group_type = forms.ChoiceField(error_messages={"required": NO_KIND, **GONE})


class EditVolumeGroupForm(RefusableForm):
    """What a group is called, and what it is for."""

    name = NameField()
    description = forms.CharField(max_length=255, required=False)


class AddVolumeForm(OfferingForm):
    """The volume that comes in."""

    volume = forms.ChoiceField(error_messages={"required": "Choose a volume.", **GONE})


class NamedForm(RefusableForm):
    """What a point in time, or a copy, is called."""

    FIELDS = {QuotaExceeded: "name"}

    name = NameField()
