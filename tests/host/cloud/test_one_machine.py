"""One machine: tenants apart, filters in force, guests through their days, and everything of ours killed."""

from __future__ import annotations

import json
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openstack.connection import Connection

from cloudweb import process
from cloudweb.conf import host_name
from tests.browser.clicks import (
    add_rule,
    attach_floating_ip,
    choose_network,
    clear_away,
    delete_server,
    make_private_network,
    take_rule_away,
)
from tests.browser.conftest import Browser, browsing
from tests.builders.libvirt_bench import qemu_pids_of
from tests.builders.strangers import NOBODY, open_to
from tests.host.cloud.conftest import Machine
from tests.host.cloud.tenants import BOOT, Server, Tenant
from tests.infrastructure import wait_until

pytestmark = [pytest.mark.timeout(400), pytest.mark.filterwarnings("ignore")]
ADDRESS = "10.77.0.10"
ETH_P_ALL = 0x0003


class Room:
    """A tenant with a server, and the namespace of its network, from which it is reached."""

    def __init__(self, machine: Machine, admin: Connection, home: Path) -> None:
        self.tenant = Tenant(machine.cloud, admin, home)
        self.image = next(image.id for image in admin.image.images() if image.name == "demo")
        self.group = self.tenant.group("gate")
        table = f"cloudweb_{machine.settings['NETWORK_PREFIX']}"
        self.enter = ("nsenter", f"--net=/run/netns/{table}-{self.tenant.network.id}")
        self.server = self.create(self.tenant.name, address=ADDRESS)

    def create(self, name: str, *, address: str) -> Server:
        return self.tenant.create(
            name, image_id=self.image, address=address, groups=[self.group.name]
        )

    def open(self) -> None:
        """Let ping and SSH in."""
        self.tenant.allow(self.group, protocol="icmp", ether_type="IPv4")
        self.tenant.allow(self.group, protocol="tcp", port_range_min=22, port_range_max=22)

    def pings(self, address: str = ADDRESS) -> bool:
        words = (*self.enter, "ping", "-n", "-c", "1", "-W", "1", address)
        return process.run(*words, check=False).returncode == 0

    def says(self, command: str, server: Server | None = None) -> str:
        """Run a command in the guest."""
        return (server or self.server).ssh(*self.enter, command=command).text.strip()

    def does(self, command: str, server: Server | None = None) -> str:
        """Run a command in the guest as root; fail where it fails."""
        done = (server or self.server).ssh(*self.enter, command=command, user="root")
        assert done.returncode == 0, done
        return done.text.strip()

    def port(self) -> Any:
        (port,) = self.tenant.api.network.ports(device_id=self.server.id)
        return port


@pytest.fixture(scope="module")
def rooms(
    machine: Machine, admin: Connection, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Room]]:
    """Two tenants whose servers have the same address; they boot behind groups that let nothing in."""
    home = tmp_path_factory.mktemp("keys")
    made = [Room(machine, admin, home) for _ in range(2)]
    for room in made:
        room.server.wait("ACTIVE")
    for room in made:
        room.server.wait_for_boot()
        assert not room.pings()
        room.open()
    for room in made:
        wait_until(room.pings, what="the rules let ping in")
    yield made
    for room in made:
        room.server.delete()
    assert machine.leftovers() == []


def test_tenants_with_the_same_address_do_not_meet(rooms: list[Room]) -> None:
    for room in rooms:
        said = room.server.console()
        # the answers came back although nothing may come in
        assert "demo-guest: metadata from service" in said
        assert f"eth0 {ADDRESS}/24" in said
        assert f"hostname {room.server.name}" in said
        assert room.says("hostname") == room.server.name
        metadata = room.says("wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json")
        assert json.loads(metadata)["uuid"] == room.server.id
    here, there = rooms
    ours = bytes.fromhex(here.port().mac_address.replace(":", ""))
    with frames(here.port()) as near, frames(there.port()) as far:
        here.says("ping -c 1 -W 1 10.77.0.99")  # asks all of its network who that is
        there.says("ping -c 1 -W 1 10.77.0.99")
        assert ours in senders(near)
        assert ours not in senders(far)


def test_other_users_of_the_machine_and_a_guest_s_own_read_nothing_of_the_cloud(
    machine: Machine, rooms: list[Room]
) -> None:
    guests = machine.var / "hosts" / host_name() / "compute" / "guests"
    users = [Path(f"/proc/{pid}").stat() for pid in qemu_pids_of(guests)]
    assert len({user.st_uid for user in users}) == len(rooms)
    places = (machine.var, Path("/run/cloudweb"))
    public = tuple(str(machine.var / name) for name in ("static", "demo-image"))
    machine.var.chmod(0o755)  # as it is made where nobody says where
    for uid, gid in ((NOBODY, NOBODY), *((user.st_uid, user.st_gid) for user in users)):
        reached = [path for path in open_to(uid, *places, gid=gid) if not path.startswith(public)]
        assert reached == []
    machine.var.chmod(0o700)


def test_a_running_guest_feels_a_rule(rooms: list[Room]) -> None:
    room = rooms[0]
    ports = room.tenant.api.network
    closed = room.tenant.group("closed")
    ports.update_port(room.port(), security_group_ids=[closed.id])
    wait_until(lambda: not room.pings(), what="nothing gets in")
    assert room.server.ssh(*room.enter, command="true").returncode != 0
    room.tenant.allow(closed, protocol="icmp", ether_type="IPv4")
    wait_until(room.pings, what="ping gets in")
    assert room.server.ssh(*room.enter, command="true").returncode != 0
    ports.update_port(room.port(), security_group_ids=[room.group.id])
    wait_until(lambda: room.says("hostname") == room.server.name, what="SSH gets in")


def test_a_guest_is_rebooted_stopped_and_started(rooms: list[Room]) -> None:
    server = rooms[0].server
    asked = "demo-guest: shutting down"

    server.api.reboot_server(server.id, "SOFT")
    server.wait("ACTIVE")
    assert server.wait_for_boot(2).count(asked) == 1

    server.api.stop_server(server.id)
    server.wait("SHUTOFF")
    assert server.console().count(asked) == 2
    assert not rooms[0].pings()

    server.api.start_server(server.id)
    server.wait("ACTIVE")
    server.wait_for_boot(3)

    server.api.reboot_server(server.id, "HARD")
    server.wait("ACTIVE")
    assert server.wait_for_boot(4).count(asked) == 2
    wait_until(lambda: rooms[0].says("hostname") == server.name, what="it is reached again")


def test_a_volume_keeps_what_one_guest_wrote_for_another_and_grows_under_it(
    rooms: list[Room],
) -> None:
    room, api = rooms[0], rooms[0].tenant.api
    volume = api.block_storage.create_volume(name="data", size=1)
    settled(room, volume.id, "available")
    device = f"/dev/$(grep -l {volume.id[:20]} /sys/block/vd*/serial | cut -d/ -f4)"
    present = f"until test -b {device}; do sleep 0.2; done"

    def give(server: Server) -> None:
        api.compute.create_volume_attachment(server.id, volume_id=volume.id)
        settled(room, volume.id, "in-use")
        room.does(present, server)

    def take(server: Server) -> None:
        api.compute.delete_volume_attachment(server.id, volume.id)
        settled(room, volume.id, "available")

    give(room.server)
    write = (
        "dd if=/dev/urandom of=/tmp/a bs=1M count=4 2>/dev/null; "
        f"dd if=/tmp/a of={device} bs=1M conv=fsync 2>/dev/null; md5sum </tmp/a"
    )
    wrote = room.does(write)
    read = f"dd if={device} bs=1M count=4 2>/dev/null | md5sum"
    take(room.server)
    other = room.create("other", address="10.77.0.11")
    other.wait("ACTIVE")
    other.wait_for_boot()
    give(other)
    assert room.does(read, other) == wrote
    api.block_storage.extend_volume(volume.id, 2)
    grown = f"test $(cat /sys/block/$(basename {device})/size) -eq {2 * 2**21}"
    wait_until(lambda: room.does(f"{grown} && echo y || echo n", other) == "y", what="it grew")
    assert room.does(read, other) == wrote

    # what it held at each moment comes back: a snapshot, a full backup, an incremental one
    storage = api.block_storage
    snapshot = storage.create_snapshot(volume_id=volume.id, name="before", is_forced=True)
    wait_until(
        lambda: storage.get_snapshot(snapshot.id).status == "available",
        what="the snapshot is taken",
    )
    then = {}
    for incremental in (False, True):
        wrote_then = room.does(write, other)
        backup = storage.create_backup(
            volume_id=volume.id, name="then", force=True, is_incremental=incremental
        )
        wait_until(lambda key=backup.id: is_whole(room, key), what="the backup is taken")
        then[backup.id] = wrote_then
    assert len({wrote, *then.values()}) == 3
    other.delete()  # a volume that is in use outlives its server
    settled(room, volume.id, "available")
    storage.revert_volume_to_snapshot(volume.id, snapshot.id)
    settled(room, volume.id, "available")
    give(room.server)
    assert room.does(read) == wrote
    take(room.server)
    for key, wrote_then in then.items():
        storage.restore_backup(key, volume_id=volume.id)
        settled(room, volume.id, "available")
        give(room.server)
        assert room.does(read) == wrote_then
        take(room.server)
        storage.delete_backup(key)
    storage.delete_snapshot(snapshot.id)
    wait_until(lambda: not [*storage.snapshots(), *storage.backups()], what="they are gone")
    api.block_storage.delete_volume(volume.id)
    wait_until(lambda: not [*api.block_storage.volumes()], what="the volume is gone")


def is_whole(room: Room, backup_id: str) -> bool:
    """Tell whether a backup can be restored; fail where it failed."""
    found = room.tenant.api.block_storage.get_backup(backup_id)
    assert found.status != "error", found.fail_reason
    return bool(found.status == "available")


def settled(room: Room, volume_id: str, status: str) -> None:
    """Wait for a volume's status."""
    storage = room.tenant.api.block_storage
    wait_until(
        lambda: storage.get_volume(volume_id).status == status, what=f"the volume is {status}"
    )


def test_from_log_in_to_a_prompt_by_clicks(machine: Machine, tmp_path: Path) -> None:
    """Log in, make a key, launch what is offered, let SSH in: the line on the page then works."""
    assert machine.cloud is not None
    with browsing(machine.cloud) as browser:
        browser.log_in()
        browser.press("a[href='/servers/launch']")
        browser.fill("[name=name]", "by-clicks")
        key = make_key(browser, tmp_path, "laptop")
        browser.press("[name=let_in][value=ssh]")  # it is chosen; the page can let it in later
        browser.press("[data-launch]")
        browser.wait(lambda: "Port 22 is shut" in browser.text("#connect"), "it says what is shut")
        line = browser.text("#ssh-line")
        address = line.rpartition("@")[2]
        page = browser.driver.current_url
        browser.driver.get(f"{page}/console")
        wait_until(
            lambda: "boot complete" in browser.text("#console"),
            timeout=BOOT,
            what="the guest boots",
        )
        assert banner(address) == b""
        browser.driver.get(page)
        browser.press("[data-allow=ssh]")
        browser.wait(lambda: "Port 22 is shut" not in browser.text("#connect"), "it is let in")
        wait_until(lambda: banner(address).startswith(b"SSH-2.0-"), timeout=30, what="SSH answers")
        assert log_in_by(line, key) == "by-clicks"
        delete_server(browser, "by-clicks")


def test_from_nothing_to_ssh_over_a_floating_ip_by_clicks(machine: Machine, tmp_path: Path) -> None:
    """A private network with internet, a key, a server, a floating IP, a rule: each a click or two."""
    assert machine.cloud is not None
    before = {*machine.leftovers()}
    with browsing(machine.cloud) as browser:
        browser.log_in()
        network = make_private_network(browser)
        browser.press("a[href='/servers']")
        browser.press("a[href='/servers/launch']")
        browser.fill("[name=name]", "floats")
        choose_network(browser, network)
        browser.press("[name=let_in][value=ssh]")  # it is chosen; a rule of one's own does it here
        key = make_key(browser, tmp_path, "desk")
        browser.press("[data-launch]")
        page = browser.wait(
            lambda: browser.all("[data-floating]") and browser.driver.current_url, "it has a port"
        )
        address = attach_floating_ip(browser)
        line = browser.text("#ssh-line")
        add_rule(browser, "default", what="ssh", whom="world")
        browser.driver.get(f"{page}/console")
        wait_until(
            lambda: "boot complete" in browser.text("#console"),
            timeout=BOOT,
            what="the guest boots",
        )
        wait_until(lambda: banner(address).startswith(b"SSH-2.0-"), timeout=30, what="SSH answers")
        assert log_in_by(line, key) == "floats"
        browser.driver.get(page)
        browser.press(f"[aria-label='Detach {address}']")
        browser.press("#question [data-yes]")
        wait_until(lambda: banner(address) == b"", timeout=30, what="nothing leads there")
        delete_server(browser, "floats")
        take_rule_away(browser, "default", "SSH (port 22) for anyone")
        clear_away(browser, network=network, address=address)
    wait_until(lambda: {*machine.leftovers()} <= before, what="the host is as it was")


def make_key(browser: Browser, folder: Path, name: str) -> Path:
    """Make a key on the launch page, and keep what it shows once."""
    browser.fill("[name=new-name]", name)
    browser.press("#key-parts button[hx-post]")
    browser.wait(lambda: "PRIVATE KEY" in browser.text("#private-key"), "the key is shown")
    key = folder / f"{name}.pem"
    key.write_text(browser.run("return document.querySelector('#private-key').textContent"))
    key.chmod(0o600)
    return key


def log_in_by(line: str, key: Path) -> str:
    """Return the host name that a guest says, by the line that its page shows."""
    quiet = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
    ssh, *words = shlex.split(line)
    said = process.run(ssh, *quiet, "-o", "BatchMode=yes", *words, "hostname", cwd=key.parent)
    return str(said.text.strip())


def banner(address: str) -> bytes:
    """Return what port 22 says first; nothing while it is shut."""
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            return connection.recv(64)
    except OSError:
        return b""


def test_everything_of_ours_is_killed_and_guests_run_on(
    machine: Machine, rooms: list[Room]
) -> None:
    room = rooms[1]
    server = room.create("third", address="10.77.0.20")
    server.wait("ACTIVE")
    server.wait_for_boot()
    boot = room.says("cat /proc/sys/kernel/random/boot_id", server)
    assert len(boot) == 36

    machine.kill()
    assert room.says("cat /proc/sys/kernel/random/boot_id", server) == boot
    machine.start()

    assert room.says("cat /proc/sys/kernel/random/boot_id", server) == boot
    assert server.api.get_server(server.id).status == "ACTIVE"
    assert room.server.api.get_server(room.server.id).status == "ACTIVE"
    server.api.stop_server(server.id)
    server.wait("SHUTOFF")
    server.delete()
    assert not any(server.id in thing for thing in machine.leftovers())
    assert room.says("hostname") == room.server.name


def frames(port: Any) -> socket.socket:
    """Return a socket for whole frames at a port's tap, which is marked with the port's id."""
    links = json.loads(process.run("ip", "-j", "link").stdout)
    tap = next(link["ifname"] for link in links if port.id in link.get("ifalias", ""))
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    raw.bind((tap, 0))
    raw.setblocking(False)
    return raw


def senders(raw: socket.socket) -> set[bytes]:
    """Return the MAC addresses of those whose frames have come by."""
    found = set()
    while True:
        try:
            found.add(raw.recv(65_536)[6:12])
        except BlockingIOError:
            return found
