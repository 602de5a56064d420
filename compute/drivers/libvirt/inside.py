"""What is asked of the inside of guests: passwords, interrupts, what they use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import libvirt

from compute.drivers.base import (
    Diagnostics,
    GuestIsOff,
    GuestNotFound,
    Interrupt,
    Password,
    PasswordNotSet,
)
from compute.drivers.libvirt.connection import Connection
from compute.drivers.libvirt.domains import Domains, guest_state
from compute.drivers.libvirt.freezing import NOBODY
from compute.guest_use import CardUse, DiskUse, GuestUse
from compute.objects import GuestRef

#: Seconds in which an agent must say that it set a password: who asks waits for it.
AGENT_TIMEOUT = 3
STATS = (
    libvirt.VIR_DOMAIN_STATS_VCPU
    | libvirt.VIR_DOMAIN_STATS_BALLOON
    | libvirt.VIR_DOMAIN_STATS_INTERFACE
    | libvirt.VIR_DOMAIN_STATS_BLOCK
)


class LibvirtInside(Password, Interrupt, Diagnostics):
    """What the driver has of it."""

    connection: Connection
    _domains: Domains

    def set_password(self, ref: GuestRef, *, user: str, password: str) -> None:
        """Ask QEMU's agent in the guest."""
        domain = self._running(ref.id, PasswordNotSet("The guest does not run."))
        with self.connection.use("The server's guest agent could not set the password."):
            try:
                domain.agentSetResponseTimeout(AGENT_TIMEOUT)
                domain.setUserPassword(user, password)
            except libvirt.libvirtError as error:
                code = error.get_error_code()
                if code in NOBODY or code == libvirt.VIR_ERR_AGENT_UNRESPONSIVE:
                    raise PasswordNotSet(detail=str(error)) from error
                raise

    def inject_nmi(self, ref: GuestRef) -> None:
        """Have QEMU inject it."""
        domain = self._running(ref.id, GuestIsOff())
        with self.connection.use("The hypervisor could not interrupt the guest."):
            domain.injectNMI(0)

    def diagnose(self, ref: GuestRef) -> GuestUse:
        """Ask for the domain's statistics, and what belongs to which card."""
        domain = self._running(ref.id, GuestIsOff())
        with self.connection.use("The hypervisor could not look at the guest.") as connection:
            found = connection.domainListGetStats([domain], STATS)
            text, state = domain.XMLDesc(0), guest_state(domain)
        if not found:
            raise GuestIsOff
        return used(found[0][1], ET.fromstring(text), state.power_state)  # noqa: S314  our libvirt's

    def _running(self, guest_id: str, off: Exception) -> libvirt.virDomain:
        domain = self._domains.find(guest_id)
        if domain is None:
            raise GuestNotFound
        if not self._domains.is_active(domain):
            raise off
        return domain


def used(stats: Mapping[str, Any], domain: ET.Element, power_state: Any) -> GuestUse:
    """Turn statistics and description of a domain into our words."""
    macs = {
        target.get("dev"): mac.get("address", "")
        for card in domain.findall("devices/interface")
        if (target := card.find("target")) is not None and (mac := card.find("mac")) is not None
    }

    def number(*name: object) -> int:
        return int(stats.get(".".join(map(str, name)), 0))

    def known(name: str) -> int | None:
        return int(stats[name]) if name in stats else None

    available, unused = known("balloon.available"), known("balloon.unused")
    has_both = available is not None and unused is not None
    return GuestUse(
        driver="libvirt",
        hypervisor=domain.get("type", ""),
        power_state=power_state,
        processors=tuple(number("vcpu", place, "time") for place in range(number("vcpu.current"))),
        memory=number("balloon.maximum"),
        memory_actual=known("balloon.current"),
        memory_rss=known("balloon.rss"),
        memory_used=(available or 0) - (unused or 0) if has_both else None,
        disks=tuple(
            DiskUse(
                name=str(stats.get(f"block.{place}.name", "")),
                read_bytes=number("block", place, "rd.bytes"),
                read_requests=number("block", place, "rd.reqs"),
                write_bytes=number("block", place, "wr.bytes"),
                write_requests=number("block", place, "wr.reqs"),
                errors=known(f"block.{place}.errors"),
            )
            for place in range(number("block.count"))
        ),
        cards=tuple(
            CardUse(
                mac=macs.get(name := str(stats.get(f"net.{place}.name", "")), ""),
                name=name,
                rx_octets=number("net", place, "rx.bytes"),
                rx_packets=number("net", place, "rx.pkts"),
                rx_errors=number("net", place, "rx.errs"),
                rx_drop=number("net", place, "rx.drop"),
                tx_octets=number("net", place, "tx.bytes"),
                tx_packets=number("net", place, "tx.pkts"),
                tx_errors=number("net", place, "tx.errs"),
                tx_drop=number("net", place, "tx.drop"),
            )
            for place in range(number("net.count"))
        ),
    )
