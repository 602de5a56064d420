"""One machine: tenants apart, filters in force, guests through their days, and everything of ours killed."""

from __future__ import annotations

import contextlib
import json
import shlex
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
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
    log_in_at_console,
    make_private_network,
    take_rule_away,
)
from tests.browser.conftest import Browser, browsing
from tests.builders.database_image import DatabaseImage
from tests.builders.libvirt_bench import qemu_pids_of
from tests.builders.strangers import NOBODY, open_to
from tests.host.cloud.conftest import Machine
from tests.host.cloud.database_fates import live_through
from tests.host.cloud.databases import TenantDatabase, offer
from tests.host.cloud.hostile_guest import Hostility
from tests.host.cloud.rooms import ADDRESS, Room
from tests.host.cloud.tenants import BOOT
from tests.host.cloud.travellers import Traveller
from tests.host.cloud.volume_travel import travel
from tests.infrastructure import wait_until

pytestmark = [pytest.mark.timeout(400), pytest.mark.filterwarnings("ignore")]
ETH_P_ALL = 0x0003


@pytest.fixture(scope="module", autouse=True)
def image_of_databases() -> Iterator[DatabaseImage]:
    """The image is built while others are tested."""
    image = DatabaseImage()
    yield image
    image.leave()


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


@pytest.mark.timeout(900)
def test_volumes_hold_what_guests_flushed_wherever_they_go_and_whoever_dies(
    machine: Machine, admin: Connection, rooms: list[Room]
) -> None:
    travel(machine, admin, rooms[0])


@pytest.mark.timeout(1800)
def test_databases_serve_their_tenants_alone_and_a_hostile_guest_finds_nothing(
    machine: Machine,
    admin: Connection,
    rooms: list[Room],
    image_of_databases: DatabaseImage,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    began = time.monotonic()
    phases = []

    def done(phase: str) -> None:
        phases.append(f"{phase} {time.monotonic() - began:.1f} s")

    before = whatever_their_pids(machine.leftovers())
    images = offer(admin, image_of_databases.wait())
    done("image")

    def hostile(victim: TenantDatabase, guest: TenantDatabase, backup: str) -> None:
        one = Hostility(machine, admin, victim=victim, guest=guest)
        one.finds_no_secret()
        one.finds_no_way(backup)

    said = live_through(machine, admin, rooms, home=tmp_path, done=done, hostile=hostile)
    for image_id in images:
        admin.image.delete_image(image_id)
    with contextlib.suppress(TimeoutError):
        wait_until(
            lambda: not whatever_their_pids(machine.leftovers()) - before, what="all is gone"
        )
    assert whatever_their_pids(machine.leftovers()) - before == Counter()
    done("gone")
    with capsys.disabled():
        print(f"\n{image_of_databases.said}\n{said}; {', '.join(phases)}")


def whatever_their_pids(found: Sequence[str]) -> Counter[str]:
    """Return what is on a host; programs of networks that are there are begun anew now and then."""
    return Counter(one.rpartition(" ")[0] if one.startswith("process ") else one for one in found)


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
        log_in_at_console(browser, page)
        browser.driver.get(page)
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
    machine: Machine, admin: Connection, rooms: list[Room]
) -> None:
    room = rooms[1]
    server = room.create("third", address="10.77.0.20")
    volumes = []
    for backend in machine.backends:
        if backend != "second":
            name, specs = f"{backend} of a dead cloud", {"volume_backend_name": backend}
            admin.block_storage.create_type(name=name, extra_specs=specs)
            volumes.append(Traveller(room, backend, volume_type=name))
    server.wait("ACTIVE")
    server.wait_for_boot()
    boot = room.says("cat /proc/sys/kernel/random/boot_id", server)
    assert len(boot) == 36
    for one in volumes:
        one.wait("available")
        one.give(server)
        one.write()

    def die() -> None:
        machine.kill()
        assert room.says("cat /proc/sys/kernel/random/boot_id", server) == boot

    volumes[-1].write_while(lambda: volumes[0].write_while(die))
    machine.start()

    for one in volumes:
        one.check()
        one.take()
        one.give(server)
        one.check()
        one.take()
        one.delete()
    wait_until(
        lambda: not any(one.storage.find_volume(one.id) for one in volumes), what="they are gone"
    )
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
