"""A Ceph of the test's own: one monitor, one manager, one OSD, in a namespace.

The OSD keeps all in memory, or, where it shall die and come back, in a file (``lasting``).

Its users have keys (cephx). The machine itself is one of its hosts, ``host()`` makes others; each comes from
an address of its own, so that one can be fenced and the others not.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import shutil
import signal
import subprocess  # noqa: TID251  # its type alone
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloudweb import process
from tests.infrastructure import PATIENCE, scratch, wait_until

#: What is needed of Debian's ceph-mon, ceph-mgr, ceph-osd, ceph-common and qemu-block-extra.
PROGRAMS = ("ceph-mon", "ceph-mgr", "ceph-osd", "ceph", "rbd", "rados", "osdmaptool", "monmaptool")
BLOCK_DRIVER = "/usr/lib/*/qemu/block-rbd.so"
POOLS = ("default", "others")
USER = "cloudweb"
#: What an operator gives the user of the volume service (docs/ceph.md has the same words).
CAPS = {
    "mon": (
        'profile rbd, allow command "auth get-or-create" with entity prefix client.cloudweb-, '
        'allow command "auth rm" with entity prefix client.cloudweb-, '
        'allow command "sessions"'
    ),
    "osd": "profile rbd pool=default",
    "mgr": "profile rbd pool=default",
}
KEYS = {
    "mon.": {"mon": "allow *"},
    "client.admin": {"mon": "allow *", "osd": "allow *", "mgr": "allow *"},
    "mgr.a": {"mon": "allow profile mgr", "osd": "allow *", "mds": "allow *"},
    "osd.0": {"mon": "allow profile osd", "osd": "allow *", "mgr": "allow profile osd"},
    f"client.{USER}": CAPS,
}
CONF = """\
[global]
fsid = {fsid}
mon_host = v2:{address}:3300,v1:{address}:6789
public_addr = {address}
cluster_addr = {address}
ms_bind_ipv6 = false
auth_allow_insecure_global_id_reclaim = false
keyring = {home}/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_warn_on_pool_no_redundancy = false
mon_allow_pool_size_one = true
mon_data_avail_crit = 1
mon_data_avail_warn = 1
mon_tick_interval = 1
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
mgr_stats_period = 1
mgr_tick_period = 1
mon_mgr_beacon_grace = 4
osd_heartbeat_interval = 1
osd_client_watch_timeout = 10
osd_op_num_shards = 1
osd_op_num_threads_per_shard = 2
{store}
run_dir = {home}
admin_socket = {home}/$name.asok
log_file = {home}/$name.log
log_to_stderr = false
mon_data = {home}/mon
mgr_data = {home}/mgr
osd_data = {home}/osd
[client]
admin_socket =
log_file =
log_to_stderr = true
"""
IN_MEMORY = "osd_objectstore = memstore\nmemstore_device_bytes = 2147483648"
IN_A_FILE = (
    "osd_objectstore = bluestore\nbluestore_block_create = true\nbluestore_block_size = 2147483648"
)


def missing() -> str:
    """Return what keeps this machine from running a Ceph, or nothing."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if not any(Path("/").glob(BLOCK_DRIVER.lstrip("/"))):
        absent.append("QEMU's driver of RBD (qemu-block-extra)")
    return f"no Ceph here: {', '.join(absent)} missing" if absent else ""


class CephHost:
    """A namespace with an address of its own that reaches the cluster: another host."""

    def __init__(self, cluster: CephCluster, number: int) -> None:
        self.netns, self.address = f"{cluster.netns}-{number}", f"{cluster.subnet}.{number}"
        process.run("ip", "netns", "add", self.netns)
        cluster.wire(number, into=("netns", self.netns), card="eth0")
        for words in (
            ("addr", "add", f"{self.address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            process.run("ip", "-n", self.netns, *words)

    @property
    def enter(self) -> tuple[str, ...]:
        """What goes before a command that shall run there."""
        return ("nsenter", f"--net=/run/netns/{self.netns}")

    def close(self) -> None:
        process.run("ip", "netns", "delete", self.netns, check=False)


class CephCluster:
    """The running cluster; ``address`` is where the machine's own connections come from."""

    def __init__(self, home: Path, *, lasting: bool = False) -> None:
        self.home, self.conf = home, home / "ceph.conf"
        self._store = IN_A_FILE if lasting else IN_MEMORY
        number = random.randint(1, 250)
        self.subnet = f"10.97.{number}"
        self.address, self.monitor = f"{self.subnet}.1", f"{self.subnet}.254"
        self.netns = f"ceph-{secrets.token_hex(3)}"
        self._card = f"ceph{number}"
        self._hosts: list[CephHost] = []
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Make the network, the maps and the daemons' directories; start; wait until it answers."""
        process.run("ip", "netns", "add", self.netns)
        for words in (
            ("link", "set", "lo", "up"),
            ("link", "add", "under0", "type", "bridge", "stp_state", "0", "forward_delay", "0"),
            ("addr", "add", f"{self.monitor}/24", "dev", "under0"),
            ("link", "set", "under0", "up"),
        ):
            process.run("ip", "-n", self.netns, *words)
        self.wire(1, into=(), card=self._card)
        process.run("ip", "addr", "add", f"{self.address}/24", "dev", self._card)
        process.run("ip", "link", "set", self._card, "up")
        self._format()
        for name in ("mon.a", "mgr.a", "osd.0"):
            self.run_daemon(name)
        self._make_pools()

    def wire(self, number: int, *, into: tuple[str, ...], card: str) -> None:
        """Lay a wire from the cluster's bridge to a card of a host."""
        port = f"p{number}"
        process.run("ip", "link", "add", port, "netns", self.netns, "type", "veth",
                    "peer", "name", card, *into)  # fmt: skip
        process.run("ip", "-n", self.netns, "link", "set", port, "master", "under0", "up")

    def host(self) -> CephHost:
        """Make another host."""
        made = CephHost(self, len(self._hosts) + 2)
        self._hosts.append(made)
        return made

    def _format(self) -> None:
        fsid = Path("/proc/sys/kernel/random/uuid").read_text().strip()
        self.conf.write_text(
            CONF.format(fsid=fsid, address=self.monitor, home=self.home, store=self._store)
        )
        for name in ("mon", "mgr", "osd"):
            (self.home / name).mkdir()
        keyring = self.home / "keyring"
        keyring.touch(mode=0o600)
        for name, caps in KEYS.items():
            said = [word for kind, text in caps.items() for word in ("--cap", kind, text)]
            process.run("ceph-authtool", str(keyring), "--gen-key", "-n", name, *said)
        monmap, osdmap = str(self.home / "monmap"), str(self.home / "osdmap")
        mon = f"[v2:{self.monitor}:3300,v1:{self.monitor}:6789]"
        process.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", mon, monmap)
        process.run("osdmaptool", "--createsimple", "1", osdmap)
        process.run("ceph-mon", "-c", str(self.conf), "-i", "a", "--mkfs", "--monmap", monmap,
                    "--osdmap", osdmap, "--keyring", str(keyring))  # fmt: skip
        process.run("ceph-osd", "-c", str(self.conf), "-i", "0", "--mkfs", "--no-mon-config")

    def run_daemon(self, name: str) -> None:
        """Start a daemon: mon.a, mgr.a or osd.0."""
        kind, _, number = name.partition(".")
        self._daemons[name] = process.start_child(
            "nsenter", f"--net=/run/netns/{self.netns}", f"ceph-{kind}", "-f", "-c", str(self.conf),
            "-i", number, log=self.home / f"{name}.out",
        )  # fmt: skip

    def end_daemon(self, name: str) -> None:
        """Kill a daemon."""
        daemon = self._daemons.pop(name)
        daemon.kill()
        daemon.wait(PATIENCE)

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Let a daemon stand still over a block."""
        pid = self._daemons[name].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def _make_pools(self) -> None:
        commands: list[str] = []
        for pool in POOLS:
            commands += [f"osd pool create {pool} 8", f"osd pool application enable {pool} rbd"]
        process.run(*self._as("ceph"), data="\n".join(commands).encode(), timeout=PATIENCE)
        for pool in POOLS:
            self.rbd("ls", pool)  # answered once its placement groups are there

    def _as(self, program: str, user: str = "admin") -> tuple[str, ...]:
        return (program, "--conf", str(self.conf), "--id", user)

    def ceph(self, *words: str) -> Any:
        """Run ``ceph`` as its administrator; return what it says."""
        said = process.run(*self._as("ceph"), *words, "--format", "json", timeout=PATIENCE).text
        # what follows is said to people
        return json.JSONDecoder().raw_decode(said.strip())[0] if said.strip() else None

    def rbd(self, *words: str, user: str = "admin") -> str:
        """Run ``rbd``."""
        return process.run(*self._as("rbd", user), *words, timeout=PATIENCE).text

    def users(self) -> list[str]:
        """Return the users that were made for attachments."""
        found = [one["entity"] for one in self.ceph("auth", "ls")["auth_dump"]]
        return [name for name in found if name.startswith(f"client.{USER}-")]

    @contextlib.contextmanager
    def full(self, pool: str = POOLS[0]) -> Iterator[None]:
        """Let a pool be full over a block, by a quota."""

        def is_full() -> bool:
            return "POOL_FULL" in self.ceph("health")["checks"]

        self.ceph("osd", "pool", "set-quota", pool, "max_bytes", "4096")
        wait_until(is_full, what="the pool is full")
        try:
            yield
        finally:
            self.ceph("osd", "pool", "set-quota", pool, "max_bytes", "0")
        wait_until(lambda: not is_full(), what="the pool has room")

    def await_usage(self) -> None:
        """Wait until the manager has measured the pools."""

        def measured() -> bool:
            pools = {one["name"]: one["stats"]["max_avail"] for one in self.ceph("df")["pools"]}
            return all(pools.get(name) for name in POOLS)

        wait_until(measured, what="the manager has measured the pools")

    def census(self, pool: str = POOLS[0]) -> list[str]:
        """Return all there is in a pool: images, their snapshots (hidden ones too), the trash."""
        images = json.loads(self.rbd("ls", pool, "--format", "json"))
        found = [f"image {name}" for name in images]
        for name in images:
            said = self.rbd("snap", "ls", "--all", f"{pool}/{name}", "--format", "json")
            found += [f"snapshot {name}@{one['name']}" for one in json.loads(said)]
        said = self.rbd("trash", "ls", pool, "--format", "json")
        return found + [f"trash {one['name']}" for one in json.loads(said)]

    def close(self) -> None:
        """End all of it; what it kept goes with its directory."""
        for daemon in self._daemons.values():
            daemon.kill()
        for daemon in self._daemons.values():
            daemon.wait(PATIENCE)
        for host in self._hosts:
            host.close()
        process.run("ip", "link", "delete", self._card, check=False)
        process.run("ip", "netns", "delete", self.netns, check=False)


@contextlib.contextmanager
def ceph_cluster(*, lasting: bool = False) -> Iterator[CephCluster]:
    """Run a Ceph while the block runs."""
    with scratch("ceph") as home:
        cluster = CephCluster(home, lasting=lasting)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.close()
