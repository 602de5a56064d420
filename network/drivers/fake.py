"""Networks in memory: for ``DRIVERS=fake``, for tests, and to simulate thousands of hosts in a process."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cloudweb.driver import DriverError, Unguarded, Work
from cloudweb.faults import Faults
from cloudweb.files import write_atomically
from network.drivers.base import Milestones, NetworkDriver, Removable
from network.objects import NetworkWiring, PortMilestone, PortRef, PortStatus, PortWiring


@dataclass(slots=True)
class FakeSegment:
    """What the fake host keeps of a network; the halves are made one after the other."""

    id: str
    revision: int
    gateways: list[str] = field(default_factory=list)
    leases: dict[str, list[str]] = field(default_factory=dict)  # MAC -> addresses
    filters: dict[str, list[str]] = field(default_factory=dict)  # port id -> rules as JSON
    taps: dict[str, dict[str, str | bool]] = field(default_factory=dict)  # port id -> tap, up


class FakeNetworkDriver(NetworkDriver, Milestones, Removable):
    """A host whose networks are records; with ``state_dir`` they outlive the process.

    ``faults`` orders delays, failures and hangs by method name, from code or through
    ``<state_dir>/faults.json``. It insists on what the real one relies on: a segment before anything
    on it, and filters before the tap.
    """

    def __init__(self, state_dir: Path | None = None, host: str = "fake") -> None:
        self.host = host
        self.faults = Faults(None if state_dir is None else state_dir / "faults.json")
        self._file = None if state_dir is None else state_dir / "networks.json"
        self._lock = threading.RLock()
        self._segments: dict[str, FakeSegment] = {}
        self._seen: list[PortMilestone] = []

    def start(self) -> None:
        """Find the networks of an earlier run again."""
        with self.faults.around("start", Unguarded()), self._lock:
            if self._file is not None and self._file.exists():
                found = json.loads(self._file.read_text())
                self._segments = {segment["id"]: FakeSegment(**segment) for segment in found}

    def ensure_segment(self, network: NetworkWiring, *, work: Work) -> None:
        """Record the network."""
        with self.faults.around("ensure_segment", work):
            work.checkpoint()
            with self._lock:
                segment = self._segments.setdefault(
                    network.id, FakeSegment(id=network.id, revision=network.revision)
                )
                segment.revision = network.revision
                self._save()

    def delete_segment(self, network_id: str, *, work: Work) -> None:
        """Forget the network and all on it."""
        with self.faults.around("delete_segment", work):
            work.checkpoint()
            with self._lock:
                if self._segments.pop(network_id, None) is not None:
                    self._save()

    def plug(self, port: PortWiring, *, work: Work) -> PortStatus:
        """Record the tap; refuse one that nothing filters."""
        with self.faults.around("plug", work):
            segment = self._segment(port.network.id)
            if port.id not in segment.filters:
                raise DriverError("A port was to be plugged before its filters were in force.")
            work.checkpoint()
            with self._lock:
                segment.taps[port.id] = {"tap": port.tap, "up": port.admin_up}
                self._save()
            return PortStatus(
                id=port.id, tap=port.tap, up=port.admin_up, network_id=port.network.id
            )

    def unplug(self, ref: PortRef, *, work: Work) -> None:
        """Forget the tap."""
        with self.faults.around("unplug", work):
            work.checkpoint()
            with self._lock:
                segment = self._segments.get(ref.network_id)
                if segment is not None and segment.taps.pop(ref.id, None) is not None:
                    self._save()

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
                for segment in self._segments.values()
                for port_id, tap in segment.taps.items()
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
                self._save()

    def ensure_dhcp(
        self, network: NetworkWiring, ports: Sequence[PortWiring], *, work: Work
    ) -> None:
        """Record who gets which address."""
        with self.faults.around("ensure_dhcp", work):
            segment = self._segment(network.id)
            work.checkpoint()
            with self._lock:
                segment.leases = {
                    port.mac: [address.ip_address for address in port.addresses] for port in ports
                }
                self._save()

    def ensure_filters(
        self, network: NetworkWiring, ports: Sequence[PortWiring], *, work: Work
    ) -> None:
        """Record the rules of exactly these ports."""
        with self.faults.around("ensure_filters", work):
            segment = self._segment(network.id)
            work.checkpoint()
            with self._lock:
                segment.filters = {
                    port.id: [rule.model_dump_json() for rule in port.rules] for port in ports
                }
                self._save()

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
            self._segments.clear()
            self._seen.clear()
            self._save()

    def _segment(self, network_id: str) -> FakeSegment:
        segment = self._segments.get(network_id)
        if segment is None:
            raise DriverError("The network has no segment on this host yet.")
        return segment

    def _save(self) -> None:
        if self._file is not None:
            text = json.dumps([asdict(segment) for segment in self._segments.values()])
            write_atomically(self._file, text)
