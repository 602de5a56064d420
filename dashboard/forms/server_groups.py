"""A new server group."""

from __future__ import annotations

from django import forms

from cloudweb.exceptions import QuotaExceeded
from dashboard.forms.fields import NameField, RefusableForm

#: The policies in words, the usual wish first.
POLICIES = (
    ("anti-affinity", "Each on a host of its own"),
    ("soft-anti-affinity", "Apart where there are hosts"),
    ("affinity", "All on one host"),
    ("soft-affinity", "Together where there is room"),
)


class NewServerGroupForm(RefusableForm):
    """What it is called, and where its servers go."""

    FIELDS = {QuotaExceeded: "name"}

    name = NameField()
    policy = forms.ChoiceField(choices=POLICIES)
