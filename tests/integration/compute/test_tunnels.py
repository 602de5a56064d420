"""The tunnel that guests go through: who comes in, what of libvirt's orders goes through, a host that goes away."""

from __future__ import annotations

import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudweb.wire import Wire
from compute.drivers.libvirt import tunnels as tunnels_module
from compute.drivers.libvirt.tunnels import Tunnels
from compute.tunnels.domains import reaches, strange
from compute.tunnels.orders import FINISH, HEAD, KEEPALIVE, PING, PONG, PREPARE, REMOTE
from operations.certificates import Authority, new_authority, write_certificate
from tests.infrastructure import free_port, scratch, wait_until

GUEST = "0d9ad8a2-7a2e-4d1c-8d0c-0f3c9a1f5a11"
DOMAIN = f"""<domain type='qemu'><name>guest</name><uuid>{GUEST}</uuid><devices>
<disk type='file' device='disk'><source file='/guests/x/root.qcow2'/><target dev='vda'/></disk>
<interface type='ethernet'><mac address='fa:16:3e:00:00:01'/><target dev='tap0' managed='no'/></interface>
</devices><seclabel model='dac'><label>+5:+6</label></seclabel></domain>"""

CELLS = """<memoryBacking><hugepages><page size='2048' unit='KiB' nodeset='0'/></hugepages></memoryBacking>
<cputune><vcpupin vcpu='0' cpuset='9'/><emulatorpin cpuset='0-2,9'/></cputune>
<numatune><memory mode='strict' nodeset='0-1'/><memnode cellid='0' mode='strict' nodeset='1'/></numatune>"""


class Side:
    """A host: its certificate, its tunnels; what would be libvirt and QEMU there."""

    def __init__(self, name: str, home: Path, signer: Authority, port: int) -> None:
        self.name, self.home = name, home / name
        write_certificate(signer, name, self.home / "tls")
        wire = Wire("127.0.0.1", range(port, port + 1), self.home / "tls")
        self.tunnels = Tunnels(self.home / "tunnels", wire)
        self.libvirt = self.home / "libvirt-sock"
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(self.libvirt))
        self.server.listen()


@pytest.fixture
def sides(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Side]]:
    signer, port = Authority(new_authority()), free_port()
    with scratch("tunnel") as home:
        made = [Side(name, home, signer, port) for name in ("ha", "hb", "hc")]
        try:
            # one machine is all of them: the places of one are not the other's
            place = {one.tunnels: home / f"place-{one.name}" for one in made}
            monkeypatch.setattr(Tunnels, "place", lambda self, _guest: place[self])
            monkeypatch.setattr(tunnels_module, "ENTRIES_DIR", home)
            monkeypatch.setattr(tunnels_module, "PLACES", home)
            yield made
        finally:
            for one in made:
                one.tunnels.close_all()
                one.server.close()


def opened(ha: Side, hb: Side, *, leaver: Side | None = None) -> socket.socket:
    """Open the way from ha to hb and connect as ha's libvirt does."""
    known = reaches(DOMAIN, "unix:///memory")
    port = hb.tunnels.open_exit(
        GUEST, from_host=ha.name, libvirt=hb.libvirt, uid=os.geteuid(), reaches=known
    )
    here = leaver or ha
    here.tunnels.open_entrance(
        GUEST, to_host=hb.name, address="127.0.0.1", port=port, uid=os.geteuid()
    )
    return entered(here, "libvirt")


def entered(side: Side, channel: str) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(20)
    line.connect(side.tunnels.sockets(GUEST)[channel])
    return line


def message(procedure: int, told: bytes = b"", *, program: int = REMOTE, serial: int = 1) -> bytes:
    return HEAD.pack(HEAD.size + len(told), program, 1, procedure, 0, serial, 0) + told


def opaque(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def told(flags: int, *last: int, **parameters: str) -> bytes:
    body = struct.pack(">I", len(parameters))
    for name, value in parameters.items():
        body += opaque(name.encode()) + struct.pack(">I", 7) + opaque(value.encode())
    return body + opaque(b"cookie") + struct.pack(f">{1 + len(last)}I", flags, *last)


def taken(side: Side) -> socket.socket:
    side.server.settimeout(20)
    line, _ = side.server.accept()
    line.settimeout(20)
    return line


def test_what_a_migration_needs_goes_through_and_its_memory(sides: list[Side]) -> None:
    ha, hb, _ = sides
    ours = opened(ha, hb)
    theirs = taken(hb)
    said = message(PREPARE, told(3, destination_xml=DOMAIN, migrate_uri="unix:///memory"))
    ours.sendall(said[:40])
    ours.sendall(said[40:])
    assert theirs.recv(len(said), socket.MSG_WAITALL) == said
    theirs.sendall(b"answer")
    assert ours.recv(6, socket.MSG_WAITALL) == b"answer"

    qemu = socket.socket(socket.AF_UNIX)
    qemu.bind(hb.tunnels.sockets(GUEST)["memory"])
    qemu.listen()
    sending, pages = entered(ha, "memory"), os.urandom(3_000_000)

    def send() -> None:
        sending.sendall(pages)
        sending.close()

    threading.Thread(target=send, daemon=True).start()
    arrived, _ = qemu.accept()
    arrived.settimeout(20)
    got = b""
    while data := arrived.recv(1 << 20):
        got += data
    assert got == pages  # all of it, then the end
    for side in (ha, hb):
        side.tunnels.close(GUEST)
        assert side.tunnels.census() == []


def test_nothing_else_goes_through(sides: list[Side]) -> None:
    ha, hb, _ = sides
    opened(ha, hb).close()
    taken(hb).close()
    another = DOMAIN.replace("root.qcow2", "../y/root.qcow2")
    for said in (
        message(10),  # a domain that is made
        message(1, program=0x20008087),  # QEMU's own monitor
        message(PREPARE, told(3 | 1 << 3, destination_xml=DOMAIN)),  # defined for ever
        message(PREPARE, told(3, destination_xml=another)),
        message(PREPARE, told(3, destination_xml=DOMAIN, migrate_uri="tcp:1.2.3.4")),
        message(PREPARE, told(3, destination_xml=DOMAIN, listen_address="0.0.0.0")),
        message(FINISH, told(3, 1, destination_name="another")),
    ):
        ours = entered(ha, "libvirt")
        theirs = taken(hb)
        ours.sendall(said)
        assert theirs.recv(1) == b"", said
        assert ours.recv(1) == b"", said
    assert hb.tunnels.log(GUEST).count("refused") == 7


def test_another_host_does_not_come_in(sides: list[Side]) -> None:
    ha, hb, hc = sides
    ours = opened(ha, hb, leaver=hc)
    ours.sendall(message(1))
    assert ours.recv(1) == b""
    assert "who is not ha" in hb.tunnels.log(GUEST)


def test_a_host_that_goes_at_the_switch_leaves_libvirt_waiting(sides: list[Side]) -> None:
    ha, hb, _ = sides
    ours = opened(ha, hb)
    theirs = taken(hb)
    said = message(FINISH, told(3, 0, destination_name="guest"), serial=7)
    ours.sendall(said)
    assert theirs.recv(len(said), socket.MSG_WAITALL) == said
    theirs.close()  # libvirt there died, who knows when
    wait_until(lambda: ha.tunnels.is_held(GUEST), what="libvirt waits")
    ours.sendall(message(PING, program=KEEPALIVE))
    assert HEAD.unpack(ours.recv(HEAD.size, socket.MSG_WAITALL))[1:4] == (KEEPALIVE, 1, PONG)
    ha.tunnels.close(GUEST)
    assert ours.recv(1) == b""


def test_a_host_that_answered_or_was_to_let_go_leaves_nobody_waiting(sides: list[Side]) -> None:
    ha, hb, _ = sides
    opened(ha, hb).close()
    taken(hb).close()
    for cancelled, answer in (
        (0, HEAD.pack(HEAD.size, REMOTE, 1, FINISH, 1, 7, 0)),
        (1, b""),
    ):
        ours = entered(ha, "libvirt")
        theirs = taken(hb)
        said = message(FINISH, told(3, cancelled, destination_name="guest"), serial=7)
        ours.sendall(said)
        theirs.recv(len(said), socket.MSG_WAITALL)
        theirs.sendall(answer)
        theirs.close()
        assert ours.recv(100, socket.MSG_WAITALL) == answer
    assert not ha.tunnels.is_held(GUEST)


def test_a_guest_reaches_what_its_host_said() -> None:
    known = reaches(DOMAIN)
    assert strange(DOMAIN, known) == []
    for other in (
        DOMAIN.replace("tap0", "tap1"),
        DOMAIN.replace("+5:+6", "+0:+0"),
        DOMAIN.replace("type='ethernet'", "type='direct'"),
        DOMAIN.replace("<devices>", "<devices><hostdev mode='subsystem'/>"),
        DOMAIN.replace(
            "<devices>", "<commandline xmlns='urn:q'><arg value='-x'/></commandline><devices>"
        ),
        DOMAIN.replace("<source file", "<source dev='sda' file"),
        DOMAIN.replace("guest<", "other<"),
        f"<!DOCTYPE domain []>{DOMAIN}",
        "<domain",
    ):
        assert strange(other, known), other


def test_a_guest_lies_in_its_hosts_cells_where_that_said() -> None:
    pinned = DOMAIN.replace("<devices>", f"{CELLS}<devices>")
    known = reaches(pinned)
    assert strange(pinned, known) == []
    assert strange(pinned, reaches(DOMAIN))
    for one, other in (
        ("cpuset='9'", "cpuset='2'"),
        ("cpuset='0-2,9'", "cpuset='0-3'"),
        ("nodeset='0-1'", "nodeset='2'"),
        ("mode='strict'", "mode='preferred'"),
        ("size='2048'", "size='1048576'"),
    ):
        assert strange(pinned.replace(one, other), known), other
