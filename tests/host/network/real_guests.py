"""Guests of LibvirtDriver on hosts that are namespaces; what one sees of others it says on its console."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from compute.objects import ConfigDrive, GuestSpec
from network.objects import PortWiring
from tests.builders.guests import make_interface
from tests.builders.libvirt_bench import LibvirtBench, spawn
from tests.host.network.guests import Guest

T = TypeVar("T")
Inside = Callable[[Callable[[], LibvirtBench]], LibvirtBench]

PORT = 80
#: A card that leaves no checksum to others: a switch in user space takes no packet without.
WITHOUT_OFFLOADS = """\
rmmod virtio_net; insmod /lib/modules/virtio_net.ko csum=0 gso=0; /etc/nic eth0
"""
#: Serves its own name, then says who answers it where friends are, and which strangers do.
SCRIPT = """\
mkdir -p /srv; hostname >/srv/name; httpd -p {port} -h /srv
for address in {friends}; do
  until name=$(timeout 2 wget -q -O - http://$address/name 2>/dev/null); do sleep 0.2; done
  echo "seen: $address is $name" >/dev/console
done
for address in {strangers}; do
  ping -c 2 -W 1 $address >/dev/null && echo "seen: $address answers" >/dev/console
done
"""


class Hypervisors:
    """A libvirtd in the network namespace of each host that is asked for."""

    def __init__(self) -> None:
        self._benches: dict[str, LibvirtBench] = {}

    def on(self, name: str, inside: Inside) -> LibvirtBench:
        """Return a host's, started in its namespace the first time."""
        if name not in self._benches:
            self._benches[name] = inside(LibvirtBench)
        return self._benches[name]

    def close(self) -> None:
        """End them and their guests."""
        for bench in self._benches.values():
            bench.close()


@contextmanager
def hypervisors() -> Iterator[Hypervisors]:
    """Have hypervisors while the block runs."""
    made = Hypervisors()
    try:
        yield made
    finally:
        made.close()


class RealGuest:
    """A demo guest behind a port that is plugged."""

    def __init__(
        self,
        bench: LibvirtBench,
        port: PortWiring,
        *,
        friends: tuple[str, ...] = (),
        strangers: tuple[str, ...] = (),
        offloads: bool = True,
    ) -> None:
        said = {"friends": " ".join(friends), "strangers": " ".join(strangers)}
        script = "" if offloads else WITHOUT_OFFLOADS
        files = {
            "meta_data.json": json.dumps({"uuid": port.id, "hostname": port.hostname}),
            "user_data": "#!/bin/sh\n" + script + SCRIPT.format(port=PORT, **said),
        }
        drive = ConfigDrive(
            files={
                f"openstack/latest/{name}": base64.b64encode(text.encode()).decode()
                for name, text in files.items()
            }
        )
        card = make_interface(port_id=port.id, mac=port.mac, tap=port.tap, mtu=port.network.mtu)
        self.bench = bench
        self.spec: GuestSpec = bench.make_guest(interfaces=(card,), config_drive=drive)
        spawn(bench, self.spec)

    def seen(self) -> list[str]:
        """Return what it has seen of others, once it has looked everywhere."""
        self.bench.wait_for_boot(self.spec)
        lines = self.bench.log(self.spec).decode(errors="replace").splitlines()
        return [line.removeprefix("seen: ") for line in lines if line.startswith("seen: ")]


def name_at(guest: Guest, address: str) -> str:
    """Return the name of who answers there a guest that is a namespace."""

    def ask() -> str:
        with socket.create_connection((address, PORT), timeout=5) as line:
            line.sendall(b"GET /name HTTP/1.0\r\n\r\n")
            with line.makefile("rb") as answer:
                return answer.read().decode().split()[-1]

    return guest.inside(ask)
