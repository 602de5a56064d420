"""Which filters of a network this process has put in force: what a change can be told from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from cloudweb.driver import DriverError
from network.drivers.linuxbridge.config import NetworkNames
from network.drivers.linuxbridge.filters import changed_filters, network_filters
from network.drivers.linuxbridge.member_sets import MembersStep
from network.drivers.linuxbridge.port_chains import GATE, WIRE
from network.objects import GroupMembers, PortWiring

LAST_NUMBER = WIRE - 1  # half a mark, and the last is taken


@dataclass(slots=True)
class KnownFilters:
    """The numbers of ports, their taps, and the members of sets that the tables hold."""

    numbers: dict[str, int] = field(default_factory=dict)
    taps: dict[str, str] = field(default_factory=dict)
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    _free: list[int] = field(default_factory=list)
    _top: int = GATE

    def whole(
        self,
        names: NetworkNames,
        zone: int,
        ports: Sequence[PortWiring],
        groups: Sequence[GroupMembers],
        *,
        wire: str = "",
        routers: Collection[str] | None = None,
    ) -> str:
        """Return the text of both tables, and take it as in force."""
        for port in sorted(ports, key=lambda port: port.id):
            self._take(port)
        self.members = {group.group_id: frozenset(group.members) for group in groups}
        self._name(ports)
        return network_filters(
            names, zone, ports, groups, numbers=self.numbers, wire=wire, routers=routers
        )

    def change(
        self,
        names: NetworkNames,
        *,
        changed: Sequence[PortWiring],
        gone: Iterable[str],
        groups: Sequence[GroupMembers],
    ) -> str:
        """Return the text of a change, and take it as in force."""
        sets = {
            group.group_id: MembersStep(self.members.get(group.group_id), frozenset(group.members))
            for group in groups
        }
        named = frozenset[str]().union(*(port.named_groups for port in changed))
        for group_id in named - sets.keys() - self.members.keys():
            sets[group_id] = MembersStep(None, frozenset())
        left = {
            self.numbers.pop(port_id): self.taps.pop(port_id)
            for port_id in [*gone]
            if port_id in self.numbers
        }
        ports = {self._take(port): port for port in changed}
        text = changed_filters(names, ports=ports, gone=left, sets=sets)
        self.members |= {group_id: step.after for group_id, step in sets.items()}
        self._free += left  # not before: its chains go in this very text
        return text

    def _take(self, port: PortWiring) -> int:
        number = self.numbers.get(port.id)
        if number is None:
            if not self._free and self._top == LAST_NUMBER:
                raise DriverError("A network holds more ports on this host than can be told apart.")
            number = self._free.pop() if self._free else self._top + 1
            self._top = max(self._top, number)
            self.numbers[port.id] = number
        self.taps[port.id] = port.tap
        return number

    def _name(self, ports: Sequence[PortWiring]) -> None:
        for port in ports:
            for group_id in port.named_groups:
                self.members.setdefault(group_id, frozenset())
