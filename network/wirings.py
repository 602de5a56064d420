"""What a host was last told about its networks and ports, on its own disk.

A damaged record is set aside and its port is lost: it is on the host, but nobody here knows how it
shall be, until the control plane tells it again. The picture of a network is in each port's, too.

``<directory>/<network id>/network.json`` is the newest picture of the network that any port brought;
``<directory>/<network id>/ports/<port id>.json`` is each port here, and ``groups/<group id>.json`` each
set of members that ports' rules name; ``forwarding.json`` is where all ports of the network are. Every
file is written in one step, so a host that loses power finds
either the old or the new one; and each is read alone, so a change costs the same among five ports and
among a thousand.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from cloudweb.driver import DriverError
from cloudweb.files import sync_directory, write_atomically
from cloudweb.records import forget, lost_in, read_record
from network.objects import (
    ForwardingChange,
    ForwardingStatus,
    ForwardingTable,
    GroupMembers,
    GroupStatus,
    MembersChange,
    NetworkPicture,
    NetworkWiring,
    PortWiring,
)

T = TypeVar("T")
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z")


class Wirings:
    """The store; callers hold the network's lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: dict[
            Path, tuple[tuple[int, ...], Any]
        ] = {}  # by what tells a file from a newer

    def networks(self) -> Sequence[str]:
        """Return the ids of all networks that a port here was told about."""
        if not self._directory.exists():
            return ()
        return sorted(
            entry.name
            for entry in self._directory.iterdir()
            if _ID.match(entry.name)
            and ((entry / "network.json").exists() or any(entry.glob("ports/*.json*")))
        )

    def network(self, network_id: str) -> NetworkWiring:
        """Return the newest picture; raise DriverError when there is none."""
        found = self._known(network_id)
        if found is None:
            raise DriverError("The host has no record of a network.", detail=network_id)
        return found

    def ports(self, network_id: str) -> Sequence[PortWiring]:
        """Return the network's ports here, each with the newest picture of the network."""
        ports = self._ports(network_id)
        if not ports:
            return ()
        network = self._picture(network_id) or _newest(ports)
        return [port.model_copy(update={"network": network}) for port in ports]

    def lost(self, network_id: str) -> Sequence[str]:
        """Return the ids of ports that were told here, and must be told again.

        With the picture of their network all are: one of them may have been told of a newer one.
        """
        directory = self._network_dir(network_id)
        ports = {name for name in lost_in(directory / "ports") if _ID.match(name)}
        if "network" in lost_in(directory):
            ports.update(port.id for port in self._ports(network_id))
        return sorted(ports)

    def port_ids(self, network_id: str) -> set[str]:
        """Return the ids of the network's ports here whose records are well; those alone are read that are new."""
        return {port_id for port_id, _ in self._each(network_id)}

    def has_ports(self, network_id: str, *, but: str = "") -> bool:
        """Tell whether a port of the network is here, beside one."""
        return any(port_id != but for port_id, _ in self._each(network_id))

    def find(self, network_id: str, port_id: str) -> PortWiring | None:
        """Return one port as it was last told, or None."""
        return _read_port(self._port_file(network_id, port_id))

    def is_here(self, network_id: str, port_id: str) -> bool:
        """Tell whether the port was told here and not taken away since, be its record lost or not."""
        found = self.find(network_id, port_id)
        return found is not None or port_id in self.lost(network_id)

    def keep(self, port: PortWiring) -> PortWiring:
        """Keep whatever is newer, of the network, the port and the sets each; return what holds now."""
        network, directory = port.network, self._network_dir(port.network.id)
        known = self._known(network.id)
        if known is not None and known.revision > network.revision:
            network = known
        if network != self._picture(network.id):
            write_atomically(directory / "network.json", json.dumps(network.dump()))
        for group in port.groups:
            self._keep_group(group)
        if port.forwarding is not None:
            self._keep_forwarding(port.forwarding)
        told = self.find(network.id, port.id)
        newest = told if told is not None and told.revision > port.revision else port
        newest = newest.model_copy(update={"network": network, "groups": (), "forwarding": None})
        write_atomically(self._port_file(network.id, port.id), json.dumps(newest.dump()))
        return newest

    def keep_groups(self, picture: NetworkPicture) -> list[GroupMembers]:
        """Keep the sets that are newer; return those that a change fitted. Of the others ``group`` tells."""
        kept = [group for group in picture.groups if self._keep_group(group)]
        for change in picture.changes:
            known = self.group(picture.id, change.group_id)
            if known is not None and change.since <= known.generation < change.generation:
                kept.append(_changed(known, change))
                self._keep_group(kept[-1])
        return kept

    def keep_forwarding(self, picture: NetworkPicture) -> ForwardingTable | None:
        """Keep where ports are as is newer; return it, or None where nothing fitted."""
        if picture.forwarding is not None and self._keep_forwarding(picture.forwarding):
            return picture.forwarding
        known, moves = self.forwarding(picture.id), picture.moves
        if known is None or moves is None:
            return None
        if not moves.since <= known.generation < moves.generation:
            return None
        table = _moved(known, moves)
        self._keep_forwarding(table)
        return table

    def forwarding(self, network_id: str) -> ForwardingTable | None:
        """Return where the network's ports are as was last told, or None."""
        path = self._network_dir(network_id) / "forwarding.json"
        return read_record(path, partial(_parse_forwarding, network_id))

    def forwarding_status(self, network_id: str) -> ForwardingStatus:
        """Return how far that is; 0 where it is not here."""

        def generation(_: Path) -> int | None:
            found = self.forwarding(network_id)
            return found.generation if found is not None else None

        at = self._look(self._network_dir(network_id) / "forwarding.json", generation)
        return ForwardingStatus(network_id=network_id, generation=at or 0)

    def spans_hosts(self, network_id: str) -> bool:
        """Tell whether the network is one whose hosts are told where its ports are."""

        def is_tunnel(_: Path) -> bool:
            found = self._picture(network_id)
            return found is not None and found.is_forwarded

        return bool(self._look(self._network_dir(network_id) / "network.json", is_tunnel))

    def group(self, network_id: str, group_id: str) -> GroupMembers | None:
        """Return a set of members as it was last told, or None."""
        return _read_group(self._group_file(network_id, group_id))

    def groups(self, network_id: str) -> list[GroupMembers]:
        """Return the sets of the network's groups here."""
        paths = sorted((self._network_dir(network_id) / "groups").glob("*.json"))
        return [group for path in paths if (group := _read_group(path)) is not None]

    def group_ids(self, network_id: str) -> frozenset[str]:
        """Return the groups whose sets are here."""
        paths = (self._network_dir(network_id) / "groups").glob("*.json")
        return frozenset(path.stem for path in paths)

    def named_groups(self, network_id: str) -> frozenset[str]:
        """Return the groups that the rules of ports here name."""
        return frozenset[str]().union(*(groups for _, groups in self._each(network_id)))

    def group_statuses(self, network_id: str, group_ids: Iterable[str]) -> list[GroupStatus]:
        """Return how far these sets are; 0 for one that is not here."""

        def generation(path: Path) -> int | None:
            return found.generation if (found := _read_group(path)) is not None else None

        return [
            GroupStatus(
                network_id=network_id,
                group_id=group_id,
                generation=self._look(self._group_file(network_id, group_id), generation) or 0,
            )
            for group_id in sorted(group_ids)
        ]

    def forget(self, network_id: str, port_id: str) -> None:
        """Drop a port; absent is fine."""
        self._seen.pop(path := self._port_file(network_id, port_id), None)
        forget(path)

    def forget_network(self, network_id: str) -> None:
        """Drop a network with all its ports."""
        directory = self._network_dir(network_id)
        if directory.exists():
            shutil.rmtree(directory)
            sync_directory(self._directory)
        self._seen = {
            path: seen for path, seen in self._seen.items() if directory not in path.parents
        }

    def _keep_group(self, group: GroupMembers) -> bool:
        known = self.group(group.network_id, group.group_id)
        if known is not None and known.generation >= group.generation:
            return False
        path = self._group_file(group.network_id, group.group_id)
        write_atomically(path, json.dumps(group.dump()))
        return True

    def _keep_forwarding(self, table: ForwardingTable) -> bool:
        known = self.forwarding(table.network_id)
        if known is not None and known.generation >= table.generation:
            return False
        path = self._network_dir(table.network_id) / "forwarding.json"
        write_atomically(path, json.dumps(table.dump()))
        return True

    def _each(self, network_id: str) -> Iterator[tuple[str, frozenset[str]]]:
        """Give each port here whose record is well, and the groups that its rules name."""

        def names(path: Path) -> frozenset[str] | None:
            return found.named_groups if (found := _read_port(path)) is not None else None

        for path in (self._network_dir(network_id) / "ports").glob("*.json"):
            groups = self._look(path, names)
            if groups is not None:
                yield path.stem, groups

    def _look(self, path: Path, read: Callable[[Path], T]) -> T | None:
        """Return what is read of a file, from memory while the file is the same."""
        try:
            stat = path.stat()
        except OSError:
            self._seen.pop(path, None)
            return None
        mark = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        seen = self._seen.get(path)
        if seen is None or seen[0] != mark:
            seen = self._seen[path] = mark, read(path)
        found: T | None = seen[1]
        return found

    def _ports(self, network_id: str) -> Sequence[PortWiring]:
        paths = sorted((self._network_dir(network_id) / "ports").glob("*.json"))
        return [port for path in paths if (port := _read_port(path)) is not None]

    def _known(self, network_id: str) -> NetworkWiring | None:
        """Return the newest picture, from the ports' own if its record was lost."""
        return self._picture(network_id) or _newest(self._ports(network_id))

    def _picture(self, network_id: str) -> NetworkWiring | None:
        path = self._network_dir(network_id) / "network.json"
        return read_record(path, partial(_parse_network, network_id))

    def _network_dir(self, network_id: str) -> Path:
        return self._directory / _checked(network_id)

    def _group_file(self, network_id: str, group_id: str) -> Path:
        return self._network_dir(network_id) / "groups" / f"{_checked(group_id)}.json"

    def _port_file(self, network_id: str, port_id: str) -> Path:
        return self._network_dir(network_id) / "ports" / f"{_checked(port_id)}.json"


def _newest(ports: Sequence[PortWiring]) -> NetworkWiring | None:
    pictures = [port.network for port in ports]
    return max(pictures, key=lambda picture: picture.revision, default=None)


def _read_port(path: Path) -> PortWiring | None:
    return read_record(path, partial(_parse_port, path))


def _read_group(path: Path) -> GroupMembers | None:
    return read_record(path, partial(_parse_group, path))


def _changed(known: GroupMembers, change: MembersChange) -> GroupMembers:
    members = ({*known.members} - {*change.removed}) | {*change.added}
    return known.model_copy(
        update={"members": tuple(sorted(members)), "generation": change.generation}
    )


def _moved(known: ForwardingTable, moves: ForwardingChange) -> ForwardingTable:
    entries = {entry.mac: entry for entry in known.entries if entry.mac not in moves.gone}
    entries |= {entry.mac: entry for entry in moves.entries}
    ordered = tuple(entries[mac] for mac in sorted(entries))
    return known.model_copy(update={"entries": ordered, "generation": moves.generation})


def _parse_forwarding(network_id: str, kept: Any) -> ForwardingTable:
    table = ForwardingTable.load(kept)
    if table.network_id != network_id:
        raise ValueError(f"it is about {table.network_id!r}")
    return table


def _parse_group(path: Path, kept: Any) -> GroupMembers:
    group = GroupMembers.load(kept)
    if (group.network_id, group.group_id) != (path.parents[1].name, path.stem):
        raise ValueError(f"it is about group {group.group_id!r} on {group.network_id!r}")
    return group


def _parse_network(network_id: str, kept: Any) -> NetworkWiring:
    network = NetworkWiring.load(kept)
    if network.id != network_id:
        raise ValueError(f"it is about {network.id!r}")
    return network


def _parse_port(path: Path, kept: Any) -> PortWiring:
    port = PortWiring.load(kept)
    if (port.network.id, port.id) != (path.parents[1].name, path.stem):
        raise ValueError(f"it is about port {port.id!r} of {port.network.id!r}")
    return port


def _checked(name: str) -> str:
    if not _ID.match(name):
        raise DriverError("An order names a network or port in a form no host accepts.")
    return name
