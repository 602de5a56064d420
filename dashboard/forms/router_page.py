"""One router: what it is called, where it leads, and what it joins."""

from __future__ import annotations

from django import forms

from cloudweb.addresses import canonical_address
from dashboard.forms.fields import NameField, RefusableForm
from dashboard.forms.network_page import read_block
from dashboard.forms.networks import GONE, OfferingForm
from network.exceptions.ports import IpAddressAlreadyAllocated, IpAddressGenerationFailure
from network.exceptions.routing import (
    InvalidRoutes,
    RouterExternalGatewayInUseByFloatingIp,
    RouterPortConflict,
)


class EditRouterForm(RefusableForm):
    """A router's own attributes."""

    name = NameField(required=False)
    description = forms.CharField(max_length=255, required=False)
    admin_state_up = forms.BooleanField(required=False)


class GatewayForm(OfferingForm):
    """Where a router leads; nowhere, too."""

    FIELDS = {
        IpAddressGenerationFailure: "outside",
        RouterExternalGatewayInUseByFloatingIp: "outside",
        RouterPortConflict: "outside",
    }

    outside = forms.ChoiceField(required=False, error_messages=GONE)


class InterfaceForm(OfferingForm):
    """A subnet that the router is to join."""

    FIELDS = {RouterPortConflict: "subnet", IpAddressAlreadyAllocated: "subnet"}

    subnet = forms.ChoiceField(error_messages={"required": "Choose a network.", **GONE})


class RouteForm(RefusableForm):
    """A block, and by which address one gets there."""

    FIELDS = {InvalidRoutes: "nexthop"}

    destination = forms.CharField(
        max_length=43, error_messages={"required": "Write a block of addresses."}
    )
    nexthop = forms.CharField(max_length=39, error_messages={"required": "Write an address."})

    def clean_destination(self) -> str:
        """Return the block in its usual form."""
        return read_block(str(self.cleaned_data["destination"]))

    def clean_nexthop(self) -> str:
        """Return the address in its usual form."""
        try:
            return canonical_address(str(self.cleaned_data["nexthop"]).strip())
        except ValueError:
            raise forms.ValidationError("Write an address, like 10.0.0.9 or fd00:1::9.") from None
