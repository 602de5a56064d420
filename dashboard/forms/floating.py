"""A floating IP for a server."""

from __future__ import annotations

from typing import Any

from django import forms

from cloudweb.exceptions import CloudwebError
from dashboard.components.floating import FloatingOffer
from dashboard.forms.networks import GONE, NewFloatingIpForm, OfferingForm
from network.exceptions.routing import ExternalGatewayForFloatingIPNotFound


class AttachFloatingForm(OfferingForm):
    """Which address leads to which of the server's; ``connect``: by a router that is made for it."""

    FIELDS = dict.fromkeys(NewFloatingIpForm.FIELDS, "source")

    source = forms.ChoiceField(error_messages={"required": "Choose an address.", **GONE})
    target = forms.ChoiceField(error_messages={"required": "Choose an address.", **GONE})
    connect = forms.BooleanField(required=False)

    def __init__(self, data: Any = None, *, offer: FloatingOffer) -> None:
        offered = {"source": offer.sources, "target": offer.targets}
        super().__init__(data, offered=offered, auto_id="floating_%s")
        self.asks_to_connect = False

    def refuse(self, error: CloudwebError) -> None:
        """Offer the router where there is none; else say what is wrong."""
        if isinstance(error, ExternalGatewayForFloatingIPNotFound):
            self.asks_to_connect = True
        else:
            super().refuse(error)
