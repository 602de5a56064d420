"""A server on two hosts that goes from one to the other again and again, and how each of its ways is to end."""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import libvirt
from openstack.connection import Connection
from openstack.exceptions import SDKException

from tests.host.cloud.live_travel import ASKS, ENOUGH
from tests.host.cloud.reaching import Reach, unpaid
from tests.host.cloud.tenants import BOOT, Server
from tests.infrastructure import PATIENCE, Cloud, wait_until
from tests.live_deaths.hosts import SLOW, Mortal

#: A file on its disk, one in its memory alone, and which boot it is.
KEEPS = "dd if=/dev/urandom of=/root/kept bs=64k count=4 2>/dev/null; sync; cp /root/kept /tmp/kept"
READS = "md5sum </root/kept; md5sum </tmp/kept; cat /proc/sys/kernel/random/boot_id"
FLUSHED = "echo 3 >/proc/sys/vm/drop_caches; md5sum </root/kept"
STEPS = """
SELECT s.name, s.direction, s.state FROM operations_step s JOIN operations_operation o
ON o.id = s.operation_id WHERE o.id = (SELECT id FROM operations_operation
WHERE kind = 'instances.live_migrate' AND resource_id = ? ORDER BY created_at DESC LIMIT 1)"""
UNFINISHED = "SELECT kind, state, error_detail FROM operations_operation WHERE state NOT IN ('DONE', 'UNDONE')"
DAMAGE = re.compile(r"^\[ *[\d.]+\] (?:general protection fault|BUG: |Oops).*$", re.MULTILINE)
ENDED = ("completed", "failed", "cancelled")


@dataclass
class Way:
    """One journey: from where to where, since when."""

    source: Mortal
    there: Mortal
    migration: int
    begun: float = field(default_factory=time.monotonic)


class Voyager:
    """The server, what it keeps, and what its hosts have of it on each of them."""

    def __init__(
        self,
        cloud: Cloud,
        admin: Connection,
        reach: Reach,
        server: Server,
        hosts: Sequence[Mortal],
    ) -> None:
        self.cloud, self.admin, self.reach, self.server = cloud, admin, reach, server
        self.hosts = {one.name: one for one in hosts}
        self.usual: dict[str, dict[str, Counter[str]]] = {}
        self.kept = ""
        self.damage: set[str] = set()

    # -- what is known of it

    def row(self) -> Any:
        return self.admin.compute.get_server(self.server.id)

    def last(self) -> Any:
        """Return its newest migration."""
        asked = f"/os-migrations?instance_uuid={self.server.id}"
        found = self.admin.compute.get(asked, microversion="2.59").json()["migrations"]
        return max(found, key=lambda one: one["id"], default={"id": 0, "status": ""})

    def ask(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        """Ask the control plane's database."""
        place = f"file:{self.cloud.var}/cloudweb.sqlite3?mode=ro"
        with closing(sqlite3.connect(place, uri=True, timeout=20)) as rows:
            return rows.execute(statement, values).fetchall()

    def steps(self) -> dict[tuple[str, str], set[str]]:
        """Return the states of the steps of its newest journey."""
        found: dict[tuple[str, str], set[str]] = {}
        for name, direction, state in self.ask(STEPS, self.server.id):
            found.setdefault((name, direction), set()).add(state)
        return found

    def reaches(self, step: str, *states: str) -> None:
        """Wait until a step is in one of these states."""
        deadline = time.monotonic() + PATIENCE
        while not self.steps().get((step, "do"), set()).intersection(states):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{step} is {states}: {self.steps()}")
            time.sleep(0.002)

    def copies(self) -> list[str]:
        """Return the hosts on which a guest of it runs."""
        return [name for name, host in self.hosts.items() for _ in host.qemu(self.server.id)]

    # -- what it does

    def keep(self) -> None:
        """Let it write what it shall have afterwards."""
        self.reach.does(KEEPS, self.server)
        self.kept = self.reach.does(READS, self.server)

    def begin(self) -> Way:
        """Ask for it to go to the other host."""
        here = self.row().hypervisor_hostname
        (there,) = (name for name in self.hosts if name != here)
        before = self.last()["id"]
        asked = {"os-migrateLive": {"host": there, "block_migration": "auto"}}
        path = f"/servers/{self.server.id}/action"
        answer = self.admin.compute.post(path, json=asked, microversion="2.96")
        assert answer.status_code == 202, answer.text
        wait_until(lambda: self.last()["id"] != before, what="there is a migration")
        return Way(self.hosts[here], self.hosts[there], self.last()["id"])

    def goes(self, name: str) -> None:
        """Go to a host undisturbed, if it is not there."""
        if self.row().hypervisor_hostname != name:
            said = self.ends(self.begin())
            assert said["status"] == "completed", said
            assert self.is_whole(died=False) == name
        self.all_agree(name)

    def is_called_off(self) -> Way:
        """Begin a journey, and call it off while memory goes over."""
        way = self.begin()
        for what in (("disk", "memory"), ("memory",)):
            wait_until(
                lambda what=what: way.source.has_sent(self.server.id, *what), what="it goes over"
            )
            way.source.set_speed(self.server.id, SLOW)
        path = f"/servers/{self.server.id}/migrations/{way.migration}"
        answer = self.admin.compute.delete(path, microversion="2.96")
        assert answer.status_code == 202, answer.text
        return way

    def ends(self, way: Way, *, seconds: float = 200) -> Any:
        """Wait until it is over; return its migration."""
        over = Ended(self)
        wait_until(over, what=f"it ends: {self.steps()}", timeout=seconds)
        return self.last()

    def rests(self) -> None:
        """Wait until all is done that is asked again every few minutes, and let it run."""
        wait_until(lambda: self.ask(UNFINISHED) == [], what="all operations end", timeout=400)
        if self.row().status == "SHUTOFF":
            self.server.api.start_server(self.server.id)
        self.server.wait("ACTIVE")

    def is_whole(self, *, died: bool) -> str:
        """It runs on one host, as it was; one whose QEMU died is started first. Return where."""
        if died:
            wait_until(
                lambda: self.row().status in ("SHUTOFF", "ERROR"), what="it is shown as it is"
            )
            shown = self.row()
            assert shown.status == "SHUTOFF", (shown.status, shown.fault)
            assert self.copies() == []
            self.server.api.start_server(self.server.id)
        self.server.wait("ACTIVE")
        where = str(self.row().hypervisor_hostname)
        wait_until(
            lambda: self.copies() == [where], what=f"it is on {where} alone", timeout=PATIENCE
        )
        assert self.hosts[where].removed(self.server.id) == []
        self.reach.hosts[self.server.id] = self.hosts[where].host
        damaged = self.comes_damaged()
        if damaged:
            self.server.api.reboot_server(self.server.id, "HARD")
            self.server.wait("ACTIVE")
        wait_until(partial(self.reach.answers, self.server), timeout=BOOT, what="it answers")
        if died or damaged:
            (wanted, *_) = self.kept.split("\n")
            assert self.reach.does(FLUSHED, self.server) == wanted
            self.keep()
        assert self.reach.does(READS, self.server) == self.kept
        assert self.reach.does(FLUSHED, self.server) == self.kept.split("\n")[0]
        return where

    def comes_damaged(self) -> bool:
        """Wait until it answers, or tell that its kernel found damaged memory: an emulator's fault.

        QEMU without KVM may lose a page that a guest writes as it goes, the more so on a machine that is busy.
        """
        new: set[str] = set()

        def known() -> bool:
            if self.reach.answers(self.server):
                return True
            with suppress(SDKException):  # its host's agent may not be there yet
                new.update({*DAMAGE.findall(self.server.console())} - self.damage)
            return bool(new)

        wait_until(known, timeout=BOOT, what="it answers")
        self.damage |= new
        return bool(new)

    def all_agree(self, where: str) -> None:
        """Both hosts have what they had when it came there undisturbed; the rows say the same."""
        wait_until(lambda: self.ask(UNFINISHED) == [], what="all operations end")
        wait_until(lambda: unpaid(self.cloud) == 0, what="nobody owes anything")
        self.domains_are(where)
        wanted = self.usual.get(where)
        if wanted is None:
            self.usual[where] = self.seen()
            return
        found: dict[str, Counter[str]] = {}

        def same() -> bool:
            found.update(self.seen())
            return found == wanted

        try:
            wait_until(same, what="both hosts have what they should", timeout=PATIENCE)
        except TimeoutError as error:
            more = {name: [*(found[name] - wanted[name]).elements()] for name in wanted}
            less = {name: [*(wanted[name] - found[name]).elements()] for name in wanted}
            raise AssertionError(f"too much {more}, missing {less}") from error
        self.rows_agree(where)

    def seen(self) -> dict[str, Counter[str]]:
        """Return what the hosts have."""
        return {
            f"{what} of {name}": getattr(host, what)()
            for name, host in self.hosts.items()
            for what in ("left", "filters")
        }

    def domains_are(self, where: str) -> None:
        """Libvirt knows it on one host, as its own."""

        def known() -> bool:
            try:
                found = {
                    name: host.domains().get(self.server.id) for name, host in self.hosts.items()
                }
            except libvirt.libvirtError:  # it died, and is not there again yet
                return False
            mine = found.pop(where) or ""
            return mine.endswith("kept") and not any(found.values())

        wait_until(known, what="libvirt knows it on one host", timeout=PATIENCE)

    def rows_agree(self, where: str) -> None:
        """Claims, ports and attachments are of its host."""
        key = self.server.id.replace("-", "")
        claims = self.ask(
            "SELECT h.name FROM compute_claim c JOIN compute_host h ON h.number = c.host_id "
            "WHERE c.instance_id = ?", key,
        )  # fmt: skip
        assert claims == [(where,)], claims
        ports = [
            (one.binding_host_id, one.status)
            for one in self.admin.network.ports(device_id=self.server.id)
        ]
        assert {host for host, _ in ports} == {where}, ports
        for host, status in self.ask(
            "SELECT host, status FROM volume_attachment WHERE instance_id = ?",
            key,
        ):
            assert (host, status) == (where, "attached"), (host, status)


class Ended:
    """Tells whether a journey is over and its server has no task."""

    def __init__(self, voyager: Voyager) -> None:
        self._voyager = voyager

    def __call__(self) -> bool:
        row = self._voyager.row()
        return row.task_state is None and self._voyager.last()["status"] in ENDED


class Pings:
    """Another guest asks it ten times a second, and notes when it answered."""

    def __init__(self, reach: Reach, beside: Server, address: str) -> None:
        self._reach, self._beside = reach, beside
        reach.does(ASKS.format(address=address), beside)

    def now(self) -> float:
        """Return that guest's time."""
        return float(self._reach.does("cut -d' ' -f1 /proc/uptime", self._beside))

    def gap(self, since: float) -> float:
        """Return the longest time without an answer from then until now, in seconds."""
        now, said = self.now(), self._reach.does("cat /tmp/answers", self._beside)
        times = [since, *(one for one in map(float, said.split()) if since < one < now), now]
        return max(after - before for before, after in pairwise(times))

    def end(self) -> None:
        """Ask no more."""
        self._reach.does(ENOUGH, self._beside)
