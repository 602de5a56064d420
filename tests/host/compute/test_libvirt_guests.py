"""Real guests: how they boot, what they see, what becomes of them without us."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudweb import process
from cloudweb.driver import DiskFull, DriverError, TransientDriverError, Unguarded
from compute.cpu_sets import cpu_set
from compute.drivers.base import CAPABILITIES
from compute.drivers.libvirt import LibvirtDriver, console, storage
from compute.drivers.libvirt import connection as connection_module
from compute.drivers.libvirt.facts import qemu_user
from compute.drivers.libvirt.users import guest_uids
from compute.objects import GuestDisk, GuestSpec
from compute.topology_objects import GuestCell, GuestProcessors
from tests.builders.guests import make_image, make_interface, make_reboot, ref
from tests.builders.libvirt_bench import MIB, LibvirtBench, spawn
from tests.builders.strangers import NOBODY, as_user, open_to
from tests.infrastructure import PATIENCE

WORK = Unguarded()


@pytest.fixture(autouse=True)
def _nothing_is_left(host: LibvirtBench) -> Iterator[None]:
    """Destroy what a test left and count."""
    host.news.clear()
    yield
    for guest_id in host.storage_guests():
        host.destroy(guest_id)
    assert list(host.census()) == []


@pytest.fixture
def tap() -> Iterator[str]:
    """A tap as the network driver makes it."""
    name = f"tapt{secrets.token_hex(4)}"
    process.run("ip", "tuntap", "add", name, "mode", "tap", "vnet_hdr")
    process.run("ip", "link", "set", name, "mtu", "1450", "up")
    yield name
    process.run("ip", "link", "delete", name)


def disk_guest(host: LibvirtBench, **overrides: object) -> GuestSpec:
    return host.make_guest(
        direct_boot=None,
        disks=(
            GuestDisk(image=make_image(virtual_size=67 * MIB), size=256 * MIB),
            GuestDisk(name="data", size=16 * MIB),
        ),
        **overrides,
    )


def test_a_guest_boots_from_its_disk_sees_its_cards_and_disks_and_obeys_the_button(
    host: LibvirtBench, tap: str
) -> None:
    spec = disk_guest(host, interfaces=(make_interface(tap=tap, mtu=1450),))
    spawn(host, spec)
    host.wait_for_boot(spec)
    text = host.log(spec)
    assert b"eth0 no DHCP lease" in text  # the card is there; nobody answers on this tap
    assert b"metadata from config drive" in text
    assert f"instance {spec.id} hostname bench".encode() in text
    host.wait_until(lambda: b"disks: vda vdb vdc" in host.log(spec))
    carrier = Path(f"/sys/class/net/{tap}/carrier").read_text().strip()
    assert carrier == "1"
    state = host.driver.power_off(ref(spec), timeout=60, work=WORK)
    assert state.power_state == "shutdown"
    assert b"demo-guest: shutting down" in host.log(spec)
    assert Path(f"/sys/class/net/{tap}").exists()
    assert host.news == []


def test_each_guest_is_a_user_of_its_own_who_reaches_nothing_else_and_has_few_devices(
    host: LibvirtBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPUTE_SCREENS", "false")
    host.restart()
    assert "vnc_console" not in host.driver.inventory().capabilities
    mine, other = host.make_guest(), host.make_guest()
    for spec in (mine, other):
        spawn(host, spec)
    found = {spec.id: user_of(host, spec) for spec in (mine, other)}
    uids = {uid for uid, _ in found.values()}
    assert len(uids) == 2
    assert uids <= set(guest_uids() or ())
    command = command_of(host.qemu_pids()[0]).lower()
    for device in (b"xhci", b"usb-", b"vga", b"qxl", b"vnc", b"spice", b"sound", b"ich9-"):
        assert device not in command
    for spec in (mine, other):
        files, (uid, gid) = host.driver.storage.files(spec.id), found[spec.id]
        base = files.base(spec.disks[0]).stat()
        assert (base.st_uid, base.st_mode & 0o777) == (0, 0o440)  # all guests' base stays root's
        for path in (files.home, files.disk(spec.disks[0]), files.config_drive):
            assert (path.stat().st_uid, path.stat().st_mode & 0o077) == (uid, 0)
        with host.open_to_the_machine():
            homes = [host.driver.storage.files(one.id).home for one in (mine, other)]
            places = (host.state_dir, host.run_dir, host.home / "images", *homes)
            reached = open_to(uid, *places, gid=gid)
        assert {Path(path).parent for path in reached} == {files.home, files.home.parent}


def user_of(host: LibvirtBench, spec: GuestSpec) -> tuple[int, int]:
    (pid,) = [p for p in host.qemu_pids() if spec.id.encode() in command_of(p)]
    status = Path(f"/proc/{pid}/status").read_text()
    facts = dict(re.findall(r"^(\w+):\s+(\w+)", status, re.MULTILINE))
    assert (facts["Seccomp"], facts["NoNewPrivs"], int(facts["CapEff"], 16)) == ("2", "1", 0)
    return int(facts["Uid"]), int(facts["Gid"])


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_guests_of_a_libvirtd_that_is_not_ours_are_users_of_their_own_too(
    host: LibvirtBench,
) -> None:
    elsewhere = f"qemu:///system?socket={host.driver.daemon.socket}"
    driver = LibvirtDriver(host.home / "other", "h2", elsewhere, run_dir=host.home / "other-run")
    spec = host.make_guest()
    driver.start(lambda guest_id, power_state: None)
    assert driver.storage.runs_as_root  # nobody else gets into the data directory
    driver.stop()
    with host.open_to_the_machine():
        driver.start(lambda guest_id, power_state: None)
        assert not driver.storage.runs_as_root
        driver.spawn(spec, images=host.images, work=WORK)
        uid, _ = user_of(host, spec)
        assert uid in (guest_uids() or ())
        assert driver.storage.files(spec.id).disk(spec.disks[0]).stat().st_uid == uid
        driver.destroy(ref(spec), work=WORK)
    driver.stop()
    # QEMU's log is where that libvirtd has it; the machine's own has /var/log/libvirt
    (host.driver.daemon.home / "log" / "qemu" / f"{spec.name}.log").unlink()


def test_a_guest_of_an_older_version_runs_on_and_starts_again_as_its_own_user(
    host: LibvirtBench,
) -> None:
    spec = host.make_guest()
    spawn(host, spec)
    host.wait_for_boot(spec)
    files, (shared, group) = host.driver.storage.files(spec.id), qemu_user()
    # as it was: one user for all guests, the log in the guest's home
    for path in (files.home, files.disk(spec.disks[0]), files.config_drive):
        os.chown(path, shared, group)
    files.console_log.rename(files.home / "console.log")
    host.restart()
    assert b"boot complete" in host.log(spec)
    assert not (files.home / "console.log").exists()
    host.driver.power_off(ref(spec), timeout=60, work=WORK)
    assert b"shutting down" in host.log(spec)  # QEMU wrote on
    host.driver.power_on(spec, work=WORK)
    host.wait_for_boot(spec)
    uid, _ = user_of(host, spec)
    assert uid != shared
    assert {path.stat().st_uid for path in (files.home, files.disk(spec.disks[0]))} == {uid}


def test_what_a_guest_s_user_puts_in_its_home_is_not_followed(host: LibvirtBench) -> None:
    spec = host.make_guest()
    spawn(host, spec)
    files = host.driver.storage.files(spec.id)
    secret = host.home / "secret"
    secret.write_text("of the host")
    uid, gid = user_of(host, spec)
    planted = [files.home / name for name in ("console.log", "console.log.0", "config-drive.iso")]
    with host.open_to_the_machine():
        for path in planted:
            as_user(uid, "ln", "-sf", str(secret), str(path), gid=gid)
    assert all(path.is_symlink() for path in planted)
    host.restart()
    assert b"of the host" not in host.log(spec)
    host.driver.power_off(ref(spec), timeout=0, work=WORK)
    with pytest.raises(DriverError, match="not as they were made"):
        host.driver.power_on(spec, work=WORK)
    spawn(host, spec)  # as at a rebuild: what is made anew replaces what was put there
    assert secret.read_text() == "of the host"
    assert (secret.stat().st_uid, files.config_drive.is_symlink()) == (0, False)


def test_its_line_and_its_screen_are_looked_at_and_nothing_that_it_puts_there(
    host: LibvirtBench,
) -> None:
    host.restart()
    spec = host.make_guest()
    spawn(host, spec)
    host.wait_for_boot(spec)
    with host.driver.connect_serial(ref(spec)) as line:
        line.settimeout(PATIENCE)
        line.sendall(b"\n")
        said = b""
        while b"login:" not in said:
            said += line.recv(4096)
    with host.driver.connect_vnc(ref(spec)) as screen:
        screen.settimeout(PATIENCE)
        assert screen.recv(12) == b"RFB 003.008\n"
    files, (uid, gid) = host.driver.storage.files(spec.id), user_of(host, spec)
    other = host.home / "other.sock"
    with socket.socket(socket.AF_UNIX) as listening, host.open_to_the_machine():
        listening.bind(str(other))
        listening.listen()
        as_user(uid, "ln", "-sf", str(other), str(files.screen_socket), gid=gid)
        with pytest.raises(OSError, match="screen"):
            host.driver.connect_vnc(ref(spec))
        files.screen_socket.unlink()
        os.link(other, files.screen_socket)
        with pytest.raises(ConnectionRefusedError, match="not the guest's screen"):
            host.driver.connect_vnc(ref(spec))


def test_another_user_of_the_machine_reaches_no_socket_and_no_file(host: LibvirtBench) -> None:
    spec = host.make_guest()
    spawn(host, spec)
    (pid,) = host.qemu_pids()
    as_qemu = Path(f"/proc/{pid}").stat()
    libvirt_uri = f"qemu:///system?socket={host.driver.daemon.socket}"
    domain = host.home / "domain.xml"
    domain.write_text(
        "<domain type='qemu'><name>shadow</name><memory>65536</memory><os><type>hvm</type></os>"
        "<devices><disk type='file'><source file='/etc/shadow'/><target dev='vda'/></disk></devices>"
        "</domain>"
    )
    assert process.run("virsh", "-c", libvirt_uri, "list").text  # root is let in
    for uid, gid in ((NOBODY, NOBODY), (as_qemu.st_uid, as_qemu.st_gid)):
        for mode, words in (("", ("define", str(domain))), ("", ("list",)), ("-r", ("list",))):
            command = ("virsh", *mode.split(), "-c", libvirt_uri, *words)
            assert as_user(uid, *command, gid=gid).returncode != 0, (uid, words)
        admin = f"libvirtd:///system?socket={host.driver.daemon.socket.parent}/libvirt-admin-sock"
        assert as_user(uid, "virt-admin", "-c", admin, "srv-list", gid=gid).returncode != 0
    with host.open_to_the_machine():
        assert open_to(NOBODY, host.state_dir, host.run_dir) == []


def test_what_an_older_version_left_open_is_closed_at_the_start(host: LibvirtBench) -> None:
    spec = host.make_guest()
    spawn(host, spec)
    daemon, before = host.driver.daemon, host.qemu_pids()
    old = process.read_pid(daemon.pid_file)
    for path in (daemon.run_dir, daemon.run_dir / "libvirt", daemon.home / "lib", daemon.home):
        path.chmod(0o755)
    for path in (daemon.run_dir / "libvirt").glob("libvirt-*sock*"):
        path.chmod(0o777)
    conf = daemon.home / "etc" / "libvirtd.conf"
    conf.write_text(re.sub(r"unix_sock.*\n", "", conf.read_text()))
    host.restart()
    with host.open_to_the_machine():
        assert open_to(NOBODY, host.state_dir, host.run_dir) == []
    assert process.read_pid(daemon.pid_file) != old  # whoever was connected is not any more
    assert host.qemu_pids() == before
    assert host.driver.get(spec.id).power_state == "running"


def test_a_guest_without_its_tap_is_not_started_and_leaves_nothing(host: LibvirtBench) -> None:
    spec = host.make_guest(interfaces=(make_interface(tap="tap-missing"),))
    with pytest.raises(TransientDriverError) as caught:
        spawn(host, spec)
    assert "network card" in caught.value.message, caught.value.detail
    assert list(host.census()) == []


def test_a_full_disk_leaves_nothing(host: LibvirtBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "RESERVE", 1 << 60)
    with pytest.raises(DiskFull):
        spawn(host, host.make_guest())
    assert list(host.census()) == []


def test_a_guest_that_dies_is_told_once_and_its_kind_is_known(host: LibvirtBench) -> None:
    spec = host.make_guest()
    spawn(host, spec)
    (pid,) = host.qemu_pids()
    os.kill(pid, signal.SIGKILL)
    host.wait_until(lambda: host.news)
    assert host.news == [(spec.id, "crashed")]
    assert host.driver.get(spec.id).power_state == "crashed"
    host.driver.power_on(spec, work=WORK)
    host.wait_for_boot(spec)
    assert host.news == [(spec.id, "crashed")]


def test_guests_live_on_without_libvirtd_and_are_found_again(host: LibvirtBench) -> None:
    stays, dies = host.make_guest(), host.make_guest()
    for spec in (stays, dies):
        spawn(host, spec)
    host.wait_for_boot(stays)
    before = host.qemu_pids()
    daemon = process.read_pid(host.driver.daemon.pid_file)
    assert daemon is not None
    os.kill(daemon, signal.SIGKILL)
    (pid,) = [p for p in before if dies.id.encode() in Path(f"/proc/{p}/cmdline").read_bytes()]
    os.kill(pid, signal.SIGKILL)
    host.wait_until(lambda: (dies.id, "shutdown") in host.news or (dies.id, "crashed") in host.news)
    assert host.driver.get(stays.id).power_state == "running"
    assert set(host.qemu_pids()) == set(before) - {pid}
    assert [guest_id for guest_id, _ in host.news] == [dies.id]
    host.driver.power_off(ref(stays), timeout=60, work=WORK)
    assert b"demo-guest: shutting down" in host.log(stays)


def test_a_hanging_libvirtd_is_replaced(
    host: LibvirtBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "OPEN_SECONDS", 2.0)
    spec = host.make_guest()
    spawn(host, spec)
    host.driver.stop()
    daemon = process.read_pid(host.driver.daemon.pid_file)
    assert daemon is not None
    os.kill(daemon, signal.SIGSTOP)
    with pytest.raises(TransientDriverError):
        host.driver.get(spec.id)
    monkeypatch.undo()
    host.restart()
    assert process.read_pid(host.driver.daemon.pid_file) != daemon
    assert host.driver.get(spec.id).power_state == "running"


def test_a_lost_domain_is_made_again_from_its_specification(host: LibvirtBench) -> None:
    spec = host.make_guest()
    spawn(host, spec)
    host.driver.power_off(ref(spec), timeout=0, work=WORK)
    with host.driver.connection.use() as libvirt_connection:
        libvirt_connection.lookupByUUIDString(spec.id).undefineFlags(0)
    host.driver.reboot(make_reboot(spec, spec=spec), work=WORK)
    assert host.driver.get(spec.id).power_state == "running"
    host.driver.power_off(ref(spec), timeout=0, work=WORK)
    with host.driver.connection.use() as libvirt_connection:
        libvirt_connection.lookupByUUIDString(spec.id).undefineFlags(0)
    assert host.driver.power_on(spec, work=WORK).power_state == "running"


def test_foreign_domains_are_neither_seen_nor_touched(host: LibvirtBench) -> None:
    spec = host.make_guest()
    with host.driver.connection.use() as libvirt_connection:
        foreign = libvirt_connection.defineXML(
            f"<domain type='qemu'><name>theirs</name><uuid>{spec.id}</uuid><memory>65536</memory>"
            "<os><type arch='x86_64'>hvm</type></os></domain>"
        )
        try:
            assert list(host.driver.list()) == []
            for call in (
                lambda: host.driver.destroy(ref(spec), work=WORK),
                lambda: host.driver.get(spec.id),
                lambda: spawn(host, spec),
            ):
                with pytest.raises(DriverError, match="not of this cloud"):
                    call()
            assert foreign.name() == "theirs"
        finally:
            foreign.undefineFlags(0)


def test_a_guest_that_talks_too_much_is_cut_short(
    host: LibvirtBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = host.make_guest()
    spawn(host, spec)
    host.wait_for_boot(spec)
    log = host.driver.storage.files(spec.id).console_log
    size = log.stat().st_size
    monkeypatch.setattr(console.trim, "__kwdefaults__", {"limit": size - 1, "kept": size})
    host.driver.trim_logs()
    assert log.stat().st_size == 0
    host.driver.power_off(ref(spec), timeout=60, work=WORK)
    text = host.log(spec)
    assert text.index(b"boot complete") < text.index(b"shutting down")
    assert b"userspace up" not in log.read_bytes()
    assert b"\0" not in text


def test_capacity_is_the_machine_s(host: LibvirtBench) -> None:
    inventory, load = host.driver.inventory(), host.driver.load()
    assert inventory.hypervisor_type == "QEMU"
    assert inventory.hypervisor_version > 2_000_000
    assert inventory.vcpus == os.cpu_count()
    assert 0 < load.ram_free <= inventory.ram
    assert 0 < load.disk_free <= inventory.disk
    assert {*inventory.capabilities} == {*CAPABILITIES}
    assert {"HW_CPU_X86_SSE2", "COMPUTE_NET_ATTACH_INTERFACE"} <= {*inventory.traits}
    assert sum(cell.cpus for cell in inventory.cells) == inventory.vcpus


def test_a_guest_is_kept_on_its_own_processors_and_those_that_it_shares(host: LibvirtBench) -> None:
    (cell,) = host.driver.inventory().cells  # as everywhere where guests are emulated in a guest
    pins = (cell.shared[-1], cell.shared[0])
    place = GuestCell(
        cpus=(0, 1, 3, 2), ram=128, host_cell=cell.id, pins=pins, floats_on=cell.shared
    )
    spec = host.make_guest(
        vcpus=4, cells=(place,), processors=GuestProcessors(sockets=1, cores=2, threads=2)
    )
    spawn(host, spec)
    (pid,) = host.qemu_pids()
    found = {
        (task / "comm").read_text().strip(): allowed_on(task)
        for task in Path(f"/proc/{pid}/task").iterdir()
    }
    runs_on = [*map(str, pins), cpu_set(cell.shared), cpu_set(cell.shared)]
    assert [found[f"CPU {number}/TCG"] for number in range(4)] == runs_on


def allowed_on(task: Path) -> str:
    """Return the processors that a thread may run on."""
    (line,) = re.findall(r"^Cpus_allowed_list:\s*(\S+)", (task / "status").read_text(), re.M)
    return line
