"""Networks in memory: for ``DRIVERS=fake``, for tests, and to simulate thousands of hosts in a process."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloudweb.driver import DriverError, Unguarded, Work
from cloudweb.faults import Faults
from network.drivers.base import Milestones, NetworkDriver, Removable
from network.drivers.fake_records import FakeRecords, FakeSegment
from network.objects import (
    GroupMembers,
    NetworkWiring,
    PortMilestone,
    PortRef,
    PortStatus,
    PortWiring,
)


class FakeNetworkDriver(NetworkDriver, Milestones, Removable):
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
        self._seen: list[PortMilestone] = []

    def start(self) -> None:
        """Find the networks of an earlier run again."""
        with self.faults.around("start", Unguarded()), self._lock:
            if self._records is not None:
                self._segments = self._records.load()
                self._saved.clear()

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
            self._put(segment, "taps", {port.id: {"tap": port.tap, "up": port.admin_up}})
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

    def milestones(self) -> Sequence[PortMilestone]:
        """Return what ``reach`` recorded."""
        with self._lock:
            return tuple(self._seen)

    def forget(self, milestones: Sequence[PortMilestone]) -> None:
        """Drop what was told."""
        with self._lock:
            self._seen = [seen for seen in self._seen if seen not in milestones]

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
            return tuple(self._segments)

    def delete_everything(self) -> None:
        """Forget all networks."""
        with self._lock:
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

    def _write(self, network_id: str, kind: str, name: str, part: Any) -> None:
        if self._records is not None:
            self._records.write(network_id, kind, name, part)


def _lease(port: PortWiring) -> list[str]:
    return [port.mac, *(address.ip_address for address in port.addresses)]


def _rules(port: PortWiring) -> list[str]:
    return [rule.model_dump_json() for rule in (*port.rules, *port.group_rules)]
