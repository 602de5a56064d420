"""A guest's network cards in a libvirt domain: pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree as ET

from compute.objects import GuestInterface


class Card(NamedTuple):
    """A card as a domain has it: the tap behind it, and its element as libvirt takes it back."""

    tap: str
    text: str


def interface_element(interface: GuestInterface) -> ET.Element:
    """Return the element of a card whose tap somebody else makes and takes away."""
    card = ET.Element("interface", type="ethernet")
    ET.SubElement(card, "mac", address=interface.mac)
    ET.SubElement(card, "target", dev=interface.tap, managed="no")
    ET.SubElement(card, "model", type="virtio")
    ET.SubElement(card, "mtu", size=str(interface.mtu))
    return card


def cards_in(domain: str) -> Iterator[Card]:
    """Yield the cards of a domain in their order."""
    for element in ET.fromstring(domain).findall("devices/interface"):  # noqa: S314  from our libvirt
        target = element.find("target")
        if target is not None:
            yield Card(target.get("dev", ""), ET.tostring(element, encoding="unicode"))
