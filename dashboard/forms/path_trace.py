"""The question why a server cannot be reached."""

from __future__ import annotations

from django import forms

from cloudweb.addresses import canonical_address
from dashboard.forms.networks import GONE, OfferingForm

OUTSIDE = "outside"
PROTOCOLS = (("tcp", "TCP"), ("udp", "UDP"), ("icmp", "Ping"))


class PathTraceForm(OfferingForm):
    """Who sends, and what; ``source`` is a card of the project's, or outside."""

    source = forms.ChoiceField(error_messages=GONE)
    address = forms.CharField(max_length=45, required=False)
    protocol = forms.ChoiceField(choices=PROTOCOLS)
    port = forms.IntegerField(min_value=1, max_value=65535, required=False)

    def clean_address(self) -> str:
        """Return the address in its usual form; none stands for anybody."""
        text = str(self.cleaned_data["address"]).strip()
        try:
            return canonical_address(text) if text else ""
        except ValueError:
            raise forms.ValidationError("Write an address, like 203.0.113.7.") from None

    def clean(self) -> None:
        """Ask for a port where the protocol has some."""
        super().clean()
        said = self.cleaned_data
        if (
            said.get("protocol") != "icmp"
            and said.get("port") is None
            and "port" not in self.errors
        ):
            self.add_error("port", "Say to which port.")
