"""Established connections that a rule no longer allows are cut, not left to end by themselves."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.files import write_atomically
from cloudweb.records import read_record
from network.objects import GroupMembers, PortWiring

PORT, GROUP = "port", "group"
FEW = 4
_ENDS = re.compile(r"^[^=]*src=(\S+) dst=(\S+)", re.MULTILINE)


class Flows:
    """Remembers what was in force, a file for each port and each set of members, so that what was withdrawn
    can be told from what is new.

    Without the ``conntrack`` command nothing is cut: connections of a withdrawn rule then go on until
    one side ends them. So do those of rules withdrawn while a file was damaged.
    """

    def __init__(self, directory: Path, zone: int) -> None:
        self._directory, self._zone = directory, zone

    def settle(self, ports: Sequence[PortWiring], groups: Sequence[GroupMembers]) -> None:
        """Cut what these leave of all that was in force."""
        stay = {self._file(PORT, port.id) for port in ports}
        stay |= {self._file(GROUP, group.group_id) for group in groups}
        gone = [path for path in self._directory.glob("*.json") if path not in stay]
        self._cut([*self._changed(ports, groups), *self._taken(gone)])

    def change(
        self, ports: Sequence[PortWiring], gone: Iterable[str], groups: Sequence[GroupMembers]
    ) -> None:
        """Cut what a change of some takes away."""
        files = [self._file(PORT, port_id) for port_id in gone]
        self._cut([*self._changed(ports, groups), *self._taken(files)])

    def _changed(
        self, ports: Sequence[PortWiring], groups: Sequence[GroupMembers]
    ) -> Iterable[str]:
        for port in ports:
            yield from self._replaced(self._file(PORT, port.id), _port(port), _lost_addresses)
        for group in groups:
            now = {"members": list(group.members)}
            yield from self._replaced(self._file(GROUP, group.group_id), now, _lost_members)

    def _replaced(self, path: Path, now: dict[str, Any], lost: Any) -> Iterable[str]:
        was = read_record(path, partial(_parse, path.name))
        if was == now:
            return
        if was is not None:
            yield from lost(was, now)
        write_atomically(path, json.dumps(now))

    def _taken(self, files: Iterable[Path]) -> Iterable[str]:
        """Drop the files of what is gone; a group that nobody names any more cuts nothing by itself."""
        for path in files:
            was = read_record(path, partial(_parse, path.name))
            yield from was.get("addresses", ()) if was is not None else ()
            path.unlink(missing_ok=True)

    def _cut(self, found: Collection[str]) -> None:
        if not found or not shutil.which("conntrack"):
            return
        for address in self._worth_it(sorted({*found})):
            for side in ("--orig-src", "--orig-dst"):
                process.run(
                    "conntrack",
                    "-D",
                    "--zone",
                    str(self._zone),
                    *_family(address),
                    side,
                    address,
                    check=False,
                )

    def _worth_it(self, addresses: Sequence[str]) -> Sequence[str]:
        """Leave out addresses that nobody talks with: a look at all flows costs what cutting two of them does."""
        if len(addresses) <= FEW:
            return addresses
        talking: set[str] = set()
        for family in {_family(address) for address in addresses}:
            listed = process.run("conntrack", "-L", "--zone", str(self._zone), *family, check=False)
            if listed.returncode:
                return addresses
            for ends in _ENDS.findall(listed.text):
                talking.update(ends)
        return [address for address in addresses if "/" in address or address in talking]

    def _file(self, kind: str, name: str) -> Path:
        return self._directory / f"{kind}-{name}.json"


def _port(port: PortWiring) -> dict[str, Any]:
    return {
        "addresses": sorted(address.ip_address for address in port.addresses),
        "rules": sorted(rule.model_dump_json() for rule in (*port.rules, *port.group_rules)),
        "open": not port.port_security,
        "up": port.admin_up,
    }


def _lost_addresses(was: dict[str, Any], now: dict[str, Any]) -> Sequence[str]:
    secured = was["open"] and not now["open"]
    disabled = was["up"] and not now["up"]
    gone = any(not set(was[key]) <= set(now[key]) for key in ("rules", "addresses"))
    addresses: Sequence[str] = was["addresses"]
    return addresses if secured or disabled or gone else ()


def _lost_members(was: dict[str, Any], now: dict[str, Any]) -> Sequence[str]:
    """Return who left, an address without its length, as conntrack takes it."""
    left = sorted({*was["members"]} - {*now["members"]})
    return [member.removesuffix("/32").removesuffix("/128") for member in left]


def _parse(name: str, kept: Any) -> dict[str, Any]:
    is_port = name.startswith(PORT)
    for key in ("addresses", "rules") if is_port else ("members",):
        if not isinstance(kept[key], list) or not all(isinstance(text, str) for text in kept[key]):
            raise ValueError("not a list of texts")
    if is_port and not all(isinstance(kept[key], bool) for key in ("open", "up")):
        raise ValueError("not a flag")
    return dict(kept)


def _family(address: str) -> Sequence[str]:
    return ("-f", "ipv6") if ":" in address else ("-f", "ipv4")
