"""Security groups, and what they let pass."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from cloudweb.addresses import canonical_block
from dashboard.forms.fields import NameField, RefusableForm
from dashboard.forms.networks import GONE, OfferingForm
from network.exceptions.address_groups import AddressGroupNotFound
from network.exceptions.security_groups import (
    SecurityGroupInvalidPortRange,
    SecurityGroupInvalidPortValue,
    SecurityGroupNotFound,
    SecurityGroupRuleExists,
    SecurityGroupRuleInvalidProtocol,
)
from network.services import SERVICES

#: What has no name of its own: ports, or a protocol, are written beside it.
_WRITTEN = {"tcp": "TCP ports …", "udp": "UDP ports …", "protocol": "another protocol …"}
WHAT = [*((one.name, one.label) for one in SERVICES.values()), *_WRITTEN.items()]
WORLD, MINE, BLOCK, GROUP, LIST = "world", "mine", "block", "group", "addresses"
_PORTS = re.compile(r"(\d{1,5})(?:\s*[-:]\s*(\d{1,5}))?")


class GroupForm(RefusableForm):
    """A group by its name."""

    name = NameField()
    description = forms.CharField(max_length=255, required=False)


class RuleForm(OfferingForm):
    """What a group is to let pass, and from or to whom; ``own`` is the address of whoever asks."""

    FIELDS = {
        SecurityGroupRuleExists: "what",
        SecurityGroupInvalidPortRange: "ports",
        SecurityGroupInvalidPortValue: "ports",
        SecurityGroupRuleInvalidProtocol: "protocol",
        SecurityGroupNotFound: "group",
        AddressGroupNotFound: "addresses",
    }

    what = forms.ChoiceField(choices=WHAT, initial="ssh")
    ports = forms.CharField(max_length=32, required=False)
    protocol = forms.CharField(max_length=16, required=False)
    whom = forms.ChoiceField(choices=[(one, one) for one in (WORLD, MINE, BLOCK, GROUP, LIST)])
    block = forms.CharField(max_length=64, required=False)
    group = forms.ChoiceField(required=False, error_messages=GONE)
    addresses = forms.ChoiceField(required=False, error_messages=GONE)
    direction = forms.ChoiceField(
        choices=[("ingress", "Let in"), ("egress", "Let out")], initial="ingress"
    )

    def __init__(
        self,
        data: Any = None,
        *,
        own: str,
        groups: Sequence[tuple[str, str]],
        lists: Sequence[tuple[str, str]] = (),
    ) -> None:
        offered = {"group": groups, "addresses": lists}
        super().__init__(data, offered=offered, initial={"whom": MINE if own else WORLD})
        self.own = own

    def clean(self) -> dict[str, Any]:
        """Check that what is written beside a choice is there, and can be read."""
        said = super().clean() or self.cleaned_data
        what, whom = said.get("what"), said.get("whom")
        if what in ("tcp", "udp"):
            self._read("ports", _ports_of, "Write a port or some in a row, like 8000-8100.")
        if what == "protocol" and not said.get("protocol"):
            self.add_error("protocol", "Write a protocol's name or number.")
        if whom == MINE and not self.own:
            self.add_error("whom", "Your own address is not known here.")
        if whom == BLOCK:
            self._read("block", canonical_block, "Write an address or a block, like 192.0.2.0/24.")
        if whom == GROUP and not said.get("group") and "group" not in self.errors:
            self.add_error("group", "Choose a group.")
        if whom == LIST and not said.get("addresses") and "addresses" not in self.errors:
            self.add_error("addresses", "Choose a list of addresses.")
        return said

    def permission(self) -> Mapping[str, Any]:
        """Return what the manager is asked for."""
        said = self.cleaned_data
        whom, what = said["whom"], said["what"]
        block = {MINE: self.own, BLOCK: said["block"]}.get(whom, "")
        remote = said["group"] if whom == GROUP else None
        listed = said["addresses"] if whom == LIST else None
        about = {
            "direction": said["direction"],
            "block": block,
            "remote_group_id": remote,
            "remote_address_group_id": listed,
        }
        if what in SERVICES:
            return {**about, **SERVICES[what].ports()}
        if what == "protocol":
            return {**about, "protocol": said["protocol"].strip()}
        first, last = said["ports"]
        return {**about, "protocol": what, "port_range_min": first, "port_range_max": last}

    def _read(self, name: str, read: Any, wrong: str) -> None:
        if name in self.errors:
            return
        try:
            self.cleaned_data[name] = read(self.cleaned_data[name].strip())
        except ValueError:
            self.add_error(name, wrong)


def _ports_of(text: str) -> tuple[int, int]:
    """Read one port, or the first and the last of some; raise ValueError."""
    found = _PORTS.fullmatch(text)
    if found is None:
        raise ValueError(text)
    first = int(found[1])
    last = int(found[2] or first)
    if not 1 <= first <= last <= 65535:
        raise ValueError(text)
    return first, last
