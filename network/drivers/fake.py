"""Networks in memory: for ``DRIVERS=fake``, for tests, and to simulate thousands of hosts in a process."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudweb.driver import DriverError, TransientDriverError, Unguarded, Work
from cloudweb.faults import Faults
from cloudweb.files import write_atomically
from cloudweb.records import read_record
from network.drivers.base import (
    CAPABILITIES,
    NOT_CARRIED,
    Milestones,
    NetworkDriver,
    Observant,
    Removable,
    SpansHosts,
)
from network.drivers.fake_records import FakeRecords, FakeSegment
from network.objects import (
    ForwardingEntry,
    ForwardingTable,
    GroupMembers,
    NetworkWiring,
    PortMilestone,
    PortRef,
    PortStatus,
    PortWiring,
)
from network.routers.objects import RouterWiring
from network.trace.objects import (
    FILTERS,
    LEASE,
    ROUTER,
    TAP,
    WAY,
    PathQuestion,
    PortLook,
    Sighting,
    WayLook,
)


class FakeNetworkDriver(NetworkDriver, Milestones, Observant, Removable, SpansHosts):
    """A host whose networks are records; with ``state_dir`` they outlive the process.

    ``faults`` orders delays, failures and hangs by method name, from code or through
    ``<state_dir>/faults.json``. It insists on what the real one relies on: a segment before anything
    on it, and filters before the tap.
    """

    def __init__(self, state_dir: Path | None = None, host: str = "fake") -> None:
        self.host = host
        self.faults = Faults(None if state_dir is None else state_dir / "faults.json")
        self._records = None if state_dir is None else FakeRecords(state_dir / "networks")
        self._saved: dict[str, dict[str, Any]] = {}
        self._lock = threading.RLock()
        self._segments: dict[str, FakeSegment] = {}
        self._routers: dict[str, dict[str, Any]] = {}
        self._router_directory = None if state_dir is None else state_dir / "routers"
        self._seen: list[PortMilestone] = []

    def start(self) -> None:
        """Find the networks of an earlier run again."""
        with self.faults.around("start", Unguarded()), self._lock:
            if self._records is not None:
                self._segments = self._records.load()
                self._routers = self._load_routers()
                self._saved.clear()

    def capabilities(self) -> Sequence[str]:
        """Return all: a record holds anything."""
        return CAPABILITIES

    def ensure_segment(self, network: NetworkWiring, *, work: Work) -> None:
        """Record the network."""
        with self.faults.around("ensure_segment", work):
            work.checkpoint()
            with self._lock:
                segment = self._segments.setdefault(
                    network.id, FakeSegment(id=network.id, revision=network.revision)
                )
                segment.revision = network.revision
                self._save(segment)

    def delete_segment(self, network_id: str, *, work: Work) -> None:
        """Forget the network and all on it."""
        with self.faults.around("delete_segment", work):
            work.checkpoint()
            with self._lock:
                self._drop(network_id)

    def plug(self, port: PortWiring, *, work: Work) -> PortStatus:
        """Record the tap; refuse one that nothing filters."""
        with self.faults.around("plug", work):
            segment = self._segment(port.network.id)
            if port.id not in segment.filters:
                raise DriverError("A port was to be plugged before its filters were in force.")
            work.checkpoint()
            tap: dict[str, Any] = {"tap": port.tap, "up": port.admin_up}
            if port.carried is not None:
                if port.carried.port_id not in {one.id for one in self.ports()}:
                    raise TransientDriverError(NOT_CARRIED, detail=port.carried.tap)
                tap["carried"] = port.carried.model_dump()
            if port.qos is not None:
                tap["qos"] = port.qos.model_dump()
            self._put(segment, "taps", {port.id: tap})
            return PortStatus(
                id=port.id, tap=port.tap, up=port.admin_up, network_id=port.network.id
            )

    def unplug(self, ref: PortRef, *, work: Work) -> None:
        """Forget the tap."""
        with self.faults.around("unplug", work):
            work.checkpoint()
            with self._lock:
                segment = self._segments.get(ref.network_id)
                if segment is not None:
                    self._put(segment, "taps", {}, gone=[ref.id])

    def segments(self) -> Sequence[str]:
        """Return the networks recorded."""
        with self.faults.around("segments", Unguarded()), self._lock:
            return tuple(self._segments)

    def ports(self) -> Sequence[PortStatus]:
        """Return the taps recorded."""
        with self.faults.around("ports", Unguarded()), self._lock:
            return tuple(
                PortStatus(
                    id=port_id, tap=str(tap["tap"]), up=bool(tap["up"]), network_id=segment.id
                )
                for _, segment in sorted(self._segments.items())
                for port_id, tap in sorted(segment.taps.items())
            )

    def ensure_gateway(self, network: NetworkWiring, *, work: Work) -> None:
        """Record the gateway addresses."""
        with self.faults.around("ensure_gateway", work):
            segment = self._segment(network.id)
            work.checkpoint()
            with self._lock:
                segment.gateways = [
                    subnet.gateway_ip for subnet in network.subnets if subnet.gateway_ip
                ]
                self._save(segment)

    def ensure_router(self, router: RouterWiring, *, work: Work) -> None:
        """Record the router; refuse one whose ports are not plugged."""
        with self.faults.around("ensure_router", work):
            plugged = {port.id for port in self.ports()}
            if any(port.id not in plugged for port in router.ports):
                raise DriverError("A router was to be made before its ports were plugged.")
            work.checkpoint()
            with self._lock:
                self._routers[router.id] = router.model_dump(mode="json")
                self._write_router(router.id, self._routers[router.id])

    def delete_router(self, router_id: str, *, work: Work) -> None:
        """Forget the router."""
        with self.faults.around("delete_router", work):
            work.checkpoint()
            with self._lock:
                self._routers.pop(router_id, None)
                self._write_router(router_id, None)

    def routers(self) -> Sequence[str]:
        """Return the routers recorded."""
        with self._lock:
            return tuple(sorted(self._routers))

    def router(self, router_id: str) -> Mapping[str, Any]:
        """Return what a router is told to be; raise KeyError."""
        with self._lock:
            return self._routers[router_id]

    def ensure_dhcp(
        self, network: NetworkWiring, ports: Sequence[PortWiring], *, work: Work
    ) -> None:
        """Record who gets which address."""
        with self.faults.around("ensure_dhcp", work):
            segment = self._segment(network.id)
            work.checkpoint()
            self._put(segment, "leases", {port.id: _lease(port) for port in ports}, whole=True)

    def change_dhcp(
        self,
        network: NetworkWiring,
        *,
        changed: Sequence[PortWiring],
        gone: Sequence[str],
        work: Work,
    ) -> bool:
        """Record who gets which address now."""
        with self.faults.around("ensure_dhcp", work):
            segment = self._segment(network.id)
            work.checkpoint()
            self._put(segment, "leases", {port.id: _lease(port) for port in changed}, gone=gone)
        return True

    def ensure_filters(
        self,
        network: NetworkWiring,
        ports: Sequence[PortWiring],
        groups: Sequence[GroupMembers] = (),
        *,
        work: Work,
    ) -> None:
        """Record the rules of exactly these ports."""
        with self.faults.around("ensure_filters", work):
            segment = self._segment(network.id)
            work.checkpoint()
            members = {group.group_id: list(group.members) for group in groups}
            self._put(segment, "members", members, whole=True)
            self._put(segment, "filters", {port.id: _rules(port) for port in ports}, whole=True)

    def change_filters(
        self,
        network: NetworkWiring,
        *,
        changed: Sequence[PortWiring],
        gone: Sequence[str],
        groups: Sequence[GroupMembers],
        work: Work,
    ) -> bool:
        """Record the rules of these ports."""
        with self.faults.around("ensure_filters", work):
            segment = self._segment(network.id)
            work.checkpoint()
            members = {group.group_id: list(group.members) for group in groups}
            self._put(segment, "members", members)
            self._put(segment, "filters", {port.id: _rules(port) for port in changed}, gone=gone)
        return True

    @property
    def tunnel_address(self) -> str:
        """Return an address that follows from the host's name."""
        one, two, three = hashlib.sha256(self.host.encode()).digest()[:3]
        return f"10.{one}.{two}.{three}"

    @property
    def physical_networks(self) -> Sequence[str]:
        """Return the wire that every simulated host is on."""
        return ("public",)

    @property
    def network_types(self) -> Sequence[str]:
        """Return all: a record is joined by anything."""
        return ("vxlan", "vlan", "flat")

    def joining_problems(self) -> Sequence[str]:
        """Return none."""
        return ()

    def ensure_joined(
        self, network: NetworkWiring, table: ForwardingTable | None, *, work: Work
    ) -> None:
        """Record where ports are."""
        with self.faults.around("ensure_joined", work):
            segment = self._segment(network.id)
            work.checkpoint()
            ways = {} if table is None else {one.mac: _way(one) for one in table.entries}
            self._put(segment, "ways", ways, whole=True)

    def change_joined(
        self, network: NetworkWiring, table: ForwardingTable | None, *, work: Work
    ) -> bool:
        """Record where they are now."""
        if table is not None:
            self.ensure_joined(network, table, work=work)
        return True

    def milestones(self) -> Sequence[PortMilestone]:
        """Return what ``reach`` recorded."""
        with self._lock:
            return tuple(self._seen)

    def forget(self, milestones: Sequence[PortMilestone]) -> None:
        """Drop what was told."""
        with self._lock:
            self._seen = [seen for seen in self._seen if seen not in milestones]

    def observe(self, question: PathQuestion) -> Sequence[Sighting]:
        """Tell what is recorded; a guest whose tap is up has taken the address that it is recorded to get."""
        with self.faults.around("observe", Unguarded()), self._lock:
            found = [one for look in question.ports for one in self._look_at_port(look)]
            found += [self._look_at_way(look) for look in question.ways]
            return [*found, *(_seen(ROUTER, one, one in self._routers) for one in question.routers)]

    def _look_at_port(self, look: PortLook) -> Sequence[Sighting]:
        segment = self._segments.get(look.network_id)
        tap = segment.taps.get(look.port_id) if segment is not None else None
        is_up = tap is not None and bool(tap["up"])
        found = [_seen(TAP, look.port_id, is_up)]
        if look.leases:
            leased = is_up and segment is not None and look.port_id in segment.leases
            found.append(_seen(LEASE, look.port_id, leased or None))
        filtered = segment is not None and look.port_id in segment.filters
        filters = _seen(FILTERS, look.port_id, filtered)
        return [*found, filters.model_copy(update={"direction": look.direction, "dropped": 0})]

    def _look_at_way(self, look: WayLook) -> Sighting:
        segment = self._segments.get(look.network_id)
        way = segment.ways.get(look.mac, [""]) if segment is not None else [""]
        return _seen(WAY, look.mac, way[0] == look.endpoint)

    def reach(self, milestone: PortMilestone) -> None:
        """Let a simulated guest get its address or fetch its metadata."""
        with self._lock:
            self._seen.append(milestone)

    def segment(self, network_id: str) -> FakeSegment:
        """Return what there is of a network; raise DriverError when there is nothing."""
        return self._segment(network_id)

    def census(self) -> Sequence[str]:
        """Return everything there is anything of, half-made networks too."""
        with self._lock:
            return (*self._segments, *(f"router {name}" for name in self._routers))

    def delete_everything(self) -> None:
        """Forget all networks and routers."""
        with self._lock:
            for router_id in [*self._routers]:
                self.delete_router(router_id, work=Unguarded())
            for network_id in [*self._segments]:
                self._drop(network_id)
            self._seen.clear()

    def _segment(self, network_id: str) -> FakeSegment:
        segment = self._segments.get(network_id)
        if segment is None:
            raise DriverError("The network has no segment on this host yet.")
        return segment

    def _put(
        self,
        segment: FakeSegment,
        kind: str,
        parts: Mapping[str, Any],
        *,
        gone: Collection[str] = (),
        whole: bool = False,
    ) -> None:
        """Record parts of a segment; ``whole``: there are no others. What stays the same costs nothing."""
        with self._lock:
            known: dict[str, Any] = getattr(segment, kind)
            for name in known.keys() - parts.keys() if whole else {*gone} & known.keys():
                del known[name]
                self._write(segment.id, kind, name, None)
            for name, part in parts.items():
                if known.get(name) != part:
                    known[name] = part
                    self._write(segment.id, kind, name, part)

    def _drop(self, network_id: str) -> None:
        self._saved.pop(network_id, None)
        if self._segments.pop(network_id, None) is not None and self._records is not None:
            self._records.forget(network_id)

    def _save(self, segment: FakeSegment) -> None:
        base = {"revision": segment.revision, "gateways": segment.gateways}
        if self._saved.get(segment.id) != base:
            self._write(segment.id, "", "segment", base)
            self._saved[segment.id] = base

    def _load_routers(self) -> dict[str, dict[str, Any]]:
        directory = self._router_directory
        if directory is None or not directory.exists():
            return {}
        read = {path.stem: read_record(path, dict) for path in directory.glob("*.json")}
        return {router_id: found for router_id, found in read.items() if found is not None}

    def _write_router(self, router_id: str, found: Mapping[str, Any] | None) -> None:
        if self._router_directory is None:
            return
        path = self._router_directory / f"{router_id}.json"
        if found is None:
            path.unlink(missing_ok=True)
        else:
            self._router_directory.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps(found))

    def _write(self, network_id: str, kind: str, name: str, part: Any) -> None:
        if self._records is not None:
            self._records.write(network_id, kind, name, part)


def _seen(kind: str, about: str, passes: bool | None) -> Sighting:
    return Sighting(kind=kind, about=about, passes=passes, source="records")


def _way(entry: ForwardingEntry) -> list[str]:
    return [entry.endpoint, *entry.addresses]


def _lease(port: PortWiring) -> list[str]:
    return [port.mac, *(address.ip_address for address in port.addresses)]


def _rules(port: PortWiring) -> list[str]:
    return [rule.model_dump_json() for rule in (*port.rules, *port.group_rules)]
