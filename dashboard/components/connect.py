"""How to get into a server by SSH: the line to type, and what stands in the way."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.components.status import Badge
from network.traffic import KINDS, Openness

if TYPE_CHECKING:
    from dashboard.components.servers import Address
    from image.models import Image
    from instances.models import Instance

#: os_distro of an image -> the user its cloud images let in.
USERS = {
    "almalinux": "almalinux",
    "alpine": "alpine",
    "arch": "arch",
    "centos": "cloud-user",
    "cirros": "cirros",
    "debian": "debian",
    "fedora": "fedora",
    "fedora-coreos": "core",
    "flatcar": "core",
    "freebsd": "freebsd",
    "opensuse": "opensuse",
    "rhel": "cloud-user",
    "rocky": "rocky",
    "sles": "ec2-user",
    "ubuntu": "ubuntu",
}
#: What may stand in a line that is copied into a shell: image properties are anybody's text.
_USER = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_LOOPBACK = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?")
_BADGES = {
    Openness.OPEN: Badge("Let in", "success", "check"),
    Openness.SOME: Badge("From some addresses", "warning", "lock"),
    Openness.SHUT: Badge("Shut", "neutral", "lock"),
}


@dataclass(frozen=True, slots=True)
class Gate:
    """A kind of traffic, and from where it gets in; ``opens`` names it for the button."""

    name: str
    text: str
    badge: Badge
    shut: bool


@dataclass(frozen=True, slots=True)
class Connect:
    """The lines, "" without an address; ``user`` is "" where the image does not tell."""

    direct: str
    by_way: str
    network: str
    user: str
    key_file: str
    reachable: bool
    loopback: bool
    gates: Sequence[Gate]

    @property
    def ssh_shut(self) -> bool:
        """Tell whether nothing gets in at port 22."""
        return any(gate.name == "ssh" and gate.shut for gate in self.gates)


def login_of(image: Image | None) -> str:
    """Return the user that an image's guests let in; "" when the image does not tell."""
    if image is None:
        return ""
    told = image.custom_properties
    user = told.get("os_admin_user", "").strip()
    if _USER.fullmatch(user):
        return user
    return USERS.get(told.get("os_distro", "").strip().lower(), "")


def connect_to(
    instance: Instance,
    *,
    image: Image | None,
    addresses: Sequence[Address],
    traffic: Mapping[str, Openness],
    site: str,
) -> Connect:
    """Return the way into a server; ``site`` is the host that the browser asked."""
    inner = sorted(addresses, key=lambda one: (not one.reachable, one.version))
    address = inner[0] if inner else None
    user = login_of(image)
    loopback = _LOOPBACK.fullmatch(site) is not None
    key_file = f"{instance.key_name}.pem" if instance.key_name else ""
    direct = by_way = ""
    if address is not None:
        host = "CLOUD-MACHINE" if loopback else re.sub(r":\d+$", "", site)
        key = f"-i {shlex.quote(key_file)} " if key_file else ""
        jump = shlex.quote(f"YOU@{host}")
        target = f"{user or 'USER'}@{address.ip}"
        direct, by_way = f"ssh {key}{target}", f"ssh {key}-J {jump} {target}"
    gates = [
        Gate(name, KINDS[name].text, _BADGES[how], how is Openness.SHUT)
        for name, how in traffic.items()
    ]
    reachable = address is not None and address.reachable
    network = address.network if address else ""
    return Connect(direct, by_way, network, user, key_file, reachable, loopback, gates)
