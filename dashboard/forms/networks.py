"""Networks, routers and floating IPs: what is made, and what leads where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from dashboard.forms.fields import NameField, RefusableForm
from dashboard.forms.network_page import read_block
from network.exceptions.ports import IpAddressGenerationFailure
from network.exceptions.routing import (
    ExternalGatewayForFloatingIPNotFound,
    FloatingIPPortAlreadyAssociated,
    RouterPortConflict,
)

Choices = Sequence[tuple[str, str]]
GONE = {"invalid_choice": "What you chose is not there any more; choose again."}


class OfferingForm(RefusableForm):
    """A form whose choices are what there is now: ``offered`` by field."""

    def __init__(self, data: Any = None, *, offered: dict[str, Choices], **options: Any) -> None:
        super().__init__(data, **options)
        for name, choices in offered.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [*choices]


class NewNetworkForm(OfferingForm):
    """A network with one subnet, of IPv4 or IPv6."""

    name = NameField()
    cidr = forms.CharField(max_length=43, initial="10.0.0.0/24")
    outside = forms.ChoiceField(required=False, error_messages=GONE)

    def clean_cidr(self) -> str:
        """Return the block in its usual form."""
        return read_block(str(self.cleaned_data["cidr"]))


class NewRouterForm(OfferingForm):
    """A router, and where it leads."""

    name = NameField()
    outside = forms.ChoiceField(required=False, error_messages=GONE)


class JoinForm(OfferingForm):
    """A subnet that a router is to join."""

    FIELDS = {RouterPortConflict: "subnet"}

    router = forms.ChoiceField(error_messages={"required": "Choose a router.", **GONE})
    subnet = forms.ChoiceField(error_messages={"required": "Choose a network.", **GONE})


class NewFloatingIpForm(OfferingForm):
    """An address of an external network, and the server it leads to."""

    FIELDS = {
        IpAddressGenerationFailure: "outside",
        ExternalGatewayForFloatingIPNotFound: "port",
        FloatingIPPortAlreadyAssociated: "port",
    }

    outside = forms.ChoiceField(error_messages={"required": "Choose a network.", **GONE})
    port = forms.ChoiceField(required=False, error_messages=GONE)


class LeadForm(OfferingForm):
    """Where a floating IP is to lead."""

    FIELDS = NewFloatingIpForm.FIELDS

    floating_ip = forms.ChoiceField(error_messages={"required": "Choose an address.", **GONE})
    port = forms.ChoiceField(error_messages={"required": "Choose a server.", **GONE})
