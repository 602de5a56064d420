"""The writer: looks what changed in our tables or was changed in OVN's, and makes OVN's be as ours say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from uuid import UUID

import structlog
from django.db import close_old_connections

from cloudweb.context import RequestContext
from network.manager import AgentManager
from network.models import Agent
from network.objects import NetworkInventory
from network.ovn import conf, statuses
from network.ovn.difference import write
from network.ovn.groups import group_rows
from network.ovn.marks import Marks, all_owners
from network.ovn.northbound import Northbound, NorthboundAway, NorthboundRefused
from network.ovn.reading import read_networks, read_routers
from network.ovn.routers import router_rows
from network.ovn.rows import Row
from network.ovn.switches import switch_rows

log = structlog.get_logger(__name__)
#: As which it is among the agents, and what their driver is called.
NAME, DRIVER = "ovn-northbound", "OvnDriver"
#: Networks or routers in one transaction.
BATCH = 40
#: Seconds between two reports that say the same.
TOLD_AGAIN = 60.0


def rows_of(owners: Collection[str], *, hosts: Collection[str] = ()) -> list[Row]:
    """Return what OVN shall have of these networks and routers; nothing of one that is gone."""
    networks, routers = _ids(owners, "network"), _ids(owners, "router")
    rows: list[Row] = []
    for network in read_networks(networks):
        rows += switch_rows(network, dns_servers=conf.DNS_SERVERS)
        rows += group_rows(network)
    for router in read_routers(routers, hosts=sorted(hosts)):
        rows += router_rows(router, distributed=conf.DISTRIBUTED, dns_servers=conf.DNS_SERVERS)
    return rows


def gateway_hosts() -> list[str]:
    """Return the hosts that a router may leave by, up or not: OVN itself turns to the next when one is down."""
    rows = Agent.objects.filter(driver=DRIVER).values_list("host", flat=True)
    return sorted(host for host in rows if not conf.GATEWAY_HOSTS or host in conf.GATEWAY_HOSTS)


class Writer:
    """One look after the other; of one thread. What one could not do the next does."""

    def __init__(self, northbound: Northbound) -> None:
        self._northbound = northbound
        self._marks = Marks()
        self._left: set[str] = set()  # could not be written
        self._hosts: list[str] = []
        self._was_writer = False
        self._compared_at = 0.0
        self._problems: dict[str, str] = {}
        self._away_since: float | None = None
        self._said: tuple[tuple[str, ...], float] = ((), 0.0)

    @property
    def is_settled(self) -> bool:
        """Tell whether the last look left nothing over."""
        return self._was_writer and not self._left

    def step(self) -> int:
        """Look once; return how many networks and routers were compared.

        Whoever waits for another writer says nothing, and begins anew when it is its turn.
        """
        northbound = self._northbound
        try:
            northbound.run()
            if not northbound.is_writer:
                self._was_writer = False
                northbound.check_connected()
                return 0
            owners = self._due()
            self._write(owners)
            statuses.note_ups(northbound.take_ups())
            self._away_since = None
            self._problems.pop("away", None)
        except NorthboundAway as error:
            owners = set()
            self._note_away(error)
        self._report()
        return len(owners)

    def run(self, is_over: threading.Event, *, on_look: Callable[[], None]) -> None:
        """Look again and again, at once when OVN's database says something."""
        while not is_over.is_set():
            on_look()
            close_old_connections()
            try:
                self.step()
            except Exception:  # a database that is away, too: the next look finds out
                log.exception("OVN's writer could not look")
                self._was_writer = False
            self._northbound.wait(conf.LOOK_EVERY)

    def _note_away(self, error: NorthboundAway) -> None:
        """Begin anew once it is back; a moment without it is no problem."""
        self._was_writer = False
        now = time.monotonic()
        self._away_since = self._away_since or now
        if now - self._away_since >= conf.AWAY_AFTER:
            self._problems["away"] = f"{error.message} Changes wait until it does."

    def _due(self) -> set[str]:
        """Return what has to be compared."""
        now = time.monotonic()
        hosts = gateway_hosts()
        changed = self._marks.look()
        touched = self._northbound.take_touched()
        everything = (
            not self._was_writer
            or hosts != self._hosts
            or now - self._compared_at >= conf.COMPARE_EVERY
        )
        self._hosts = hosts
        if everything:
            self._compared_at = now
            self._was_writer = True
            self._left.clear()
            return all_owners() | {*self._northbound.owners()}
        owners, self._left = changed | touched | self._left, set()
        return owners

    def _write(self, owners: Collection[str]) -> None:
        """Compare them, networks first, a batch in a transaction; what a database refuses, one by one."""
        left = sorted(owners)
        try:
            while left:
                batch, rest = left[:BATCH], left[BATCH:]
                self._write_batch(batch)
                left = rest
        finally:
            self._left |= {*left}

    def _write_batch(self, batch: Collection[str]) -> None:
        try:
            self._write_these(batch)
        except NorthboundRefused as error:
            if len(batch) > 1:
                for one in batch:
                    self._write_batch([one])
                return
            (owner,) = batch
            log.warning("OVN refused rows", owner=owner, detail=error.detail)
            self._problems[owner] = f"{error.message} It is about {owner.replace('/', ' ')}."

    def _write_these(self, owners: Collection[str]) -> None:
        rows = rows_of(owners, hosts=self._hosts)
        if write(self._northbound, owners, rows, timeout=conf.TIMEOUT):
            self._northbound.take_touched()  # by ourselves
        for owner in owners:
            self._problems.pop(owner, None)
        statuses.note_routers(_ids(owners, "router"))

    def _report(self) -> None:
        """Let operators see what is wrong, beside what hosts report."""
        problems, now = tuple(sorted(self._problems.values())), time.monotonic()
        said, at = self._said
        if problems != said or now - at >= TOLD_AGAIN or not at:
            self._said = problems, now
            told = NetworkInventory(driver="OvnWriter", problems=problems[:100])
            AgentManager(RequestContext.system()).report({NAME: told})


def _ids(owners: Collection[str], kind: str) -> set[UUID]:
    return {*_parsed(owners, kind)}


def _parsed(owners: Collection[str], kind: str) -> Iterator[UUID]:
    for owner in owners:
        name, _, id_ = owner.partition("/")
        if name == kind:
            yield UUID(id_)
