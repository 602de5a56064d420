"""One network: what it is called, its subnets, and who else may use it."""

from __future__ import annotations

from django import forms

from cloudweb.addresses import canonical_block
from dashboard.forms.fields import NameField, RefusableForm
from network.exceptions.sharing import DuplicateRbacPolicy

BLOCK = "Write a block of addresses, like 10.0.0.0/24 or fd00:1::/64."
#: How servers of an IPv6 subnet get their addresses; "" as it fits the block.
MODES = [
    ("", "As fits the block"),
    ("slaac", "They make their own (SLAAC)"),
    ("dhcpv6-stateless", "They make their own, and ask DHCPv6 for DNS"),
    ("dhcpv6-stateful", "By DHCPv6"),
]


def read_block(text: str) -> str:
    """Return a block in its usual form; say what is wrong with it."""
    try:
        if "/" in text:
            return canonical_block(text.strip())
    except ValueError:
        pass
    raise forms.ValidationError(BLOCK)


class EditNetworkForm(RefusableForm):
    """A network's own attributes."""

    name = NameField(required=False)
    description = forms.CharField(max_length=255, required=False)
    mtu = forms.IntegerField(
        min_value=68, max_value=65535, error_messages={"invalid": "Write a number of bytes."}
    )
    admin_state_up = forms.BooleanField(required=False)


class SubnetForm(RefusableForm):
    """A subnet to add; a gateway that is not said is the first address."""

    name = NameField(required=False)
    cidr = forms.CharField(max_length=43, error_messages={"required": BLOCK})
    gateway_ip = forms.CharField(max_length=39, required=False)
    dns_nameservers = forms.CharField(max_length=400, required=False)
    ipv6_ra_mode = forms.ChoiceField(choices=MODES, required=False)
    enable_dhcp = forms.BooleanField(required=False)

    def clean_cidr(self) -> str:
        """Return the block in its usual form."""
        return read_block(str(self.cleaned_data["cidr"]))

    def clean_dns_nameservers(self) -> list[str]:
        """Return the addresses that commas or spaces part."""
        return str(self.cleaned_data["dns_nameservers"]).replace(",", " ").split()


class ShareForm(RefusableForm):
    """A project that may use a network."""

    FIELDS = {DuplicateRbacPolicy: "project"}

    project = forms.CharField(max_length=64, error_messages={"required": "Write a project's ID."})
