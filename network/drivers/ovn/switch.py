"""The host's Open vSwitch, asked and told by ``ovs-vsctl``: which interfaces are on OVN's bridge, and whose."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudweb import process
from cloudweb.driver import DriverError, TransientDriverError

BRIDGE = "br-int"
TIMEOUT = 10  # seconds for an answer of Open vSwitch
#: Whose an interface is, in its ``external_ids``.
INSTALLATION, NETWORK, PORT = "cloudweb-installation", "cloudweb-network", "cloudweb-port"


@dataclass(frozen=True, slots=True)
class Plugged:
    """An interface of ours on the bridge; ``port_id`` is empty for the one that metadata has."""

    name: str
    network_id: str
    port_id: str
    installed: bool  # OVN has all flows of it in force
    present: bool  # the switch has opened it
    interface_id: str = ""  # as which port OVN knows it


class Switch:
    """Open vSwitch on this host, as one installation of Cloudweb uses it."""

    def __init__(self, installation: str) -> None:
        self._installation = installation

    def check(self, host: str) -> None:
        """Raise DriverError with what to do when this host is none of OVN's."""
        if shutil.which("ovs-vsctl") is None:
            raise DriverError(
                "Open vSwitch is not installed. Install openvswitch-switch and ovn-host."
            )
        said = self.settings()
        if said.get("system-id") != host:
            raise DriverError(
                f"OVN must know this host as {host}, and knows {said.get('system-id') or 'no name'}. "
                f"Run: ovs-vsctl set Open_vSwitch . external_ids:system-id={host}"
            )
        for name in ("ovn-remote", "ovn-encap-type", "ovn-encap-ip"):
            if not said.get(name):
                raise DriverError(
                    f"OVN's {name} is not set on this host. "
                    f"Run: ovs-vsctl set Open_vSwitch . external_ids:{name}=..."
                )

    def settings(self) -> Mapping[str, str]:
        """Return what the host says of itself to OVN."""
        (row,) = self._table("Open_vSwitch", "external_ids")
        found: Mapping[str, str] = row["external_ids"]
        return found

    def has_bridge(self) -> bool:
        """Tell whether OVN's bridge is there."""
        return self._run("br-exists", BRIDGE, check=False) == 0

    def plugged(self) -> Sequence[Plugged]:
        """Return our interfaces, whether on the bridge or fallen off it with a port that is still recorded."""
        return [
            Plugged(
                name=row["name"],
                network_id=ids[NETWORK],
                port_id=ids.get(PORT, ""),
                installed=ids.get("ovn-installed") == "true",
                present=isinstance(row["ofport"], int) and row["ofport"] > 0,
                interface_id=ids.get("iface-id", ""),
            )
            for row in self._table("Interface", "name,external_ids,ofport")
            if (ids := row["external_ids"]).get(INSTALLATION) == self._installation
            and NETWORK in ids
        ]

    def plug(
        self, name: str, *, interface_id: str, mac: str, network_id: str, port_id: str = ""
    ) -> None:
        """Put an interface on the bridge as a port that OVN knows by its id; idempotent."""
        ids = {
            "iface-id": interface_id,
            "attached-mac": mac,
            INSTALLATION: self._installation,
            NETWORK: network_id,
            **({PORT: port_id} if port_id else {}),
        }
        marks = [f'external_ids:{key}="{value}"' for key, value in ids.items()]
        self._run(
            "--may-exist", "add-port", BRIDGE, name, "--", "set", "Interface", name, *marks
        )  # fmt: skip

    def unplug(self, names: Iterable[str]) -> None:
        """Take interfaces off the bridge."""
        words = [word for name in names for word in ("--", "--if-exists", "del-port", BRIDGE, name)]
        if words:
            self._run(*words[1:])

    def await_installed(self, name: str, seconds: float) -> bool:
        """Tell whether OVN has all flows of an interface in force within so many seconds."""
        return not self._run(
            "wait-until", "Interface", name, 'external_ids:ovn-installed="true"',
            check=False, timeout=max(1, round(seconds)),
        )  # fmt: skip

    def on_bridge(self) -> Sequence[str]:
        """Return the names of all that is on the bridge."""
        return self._ask("list-ports", BRIDGE).split()

    def certificates(self) -> Sequence[str]:
        """Return the words by which OVN's tools say who this host is, where it says so by TLS."""
        said = dict(
            line.split(": ", 1) for line in self._ask("get-ssl").splitlines() if ": " in line
        )
        words = {"-p": "Private key", "-c": "Certificate", "-C": "CA Certificate"}
        return [
            word for flag, name in words.items() if said.get(name) for word in (flag, said[name])
        ]

    def _table(self, table: str, columns: str) -> list[dict[str, Any]]:
        text = self._ask("--format=json", f"--columns={columns}", "list", table)
        found = json.loads(text)
        return [
            {heading: _value(value) for heading, value in zip(found["headings"], row, strict=True)}
            for row in found["data"]
        ]

    def _ask(self, *words: str) -> str:
        try:
            return process.run("ovs-vsctl", f"--timeout={TIMEOUT}", *words).text
        except process.CommandFailed as error:
            raise TransientDriverError(
                "Open vSwitch does not answer on this host.", detail=error.detail
            ) from error

    def _run(self, *words: str, check: bool = True, timeout: int = TIMEOUT) -> int:
        try:
            done = process.run("ovs-vsctl", f"--timeout={timeout}", *words, check=check)
        except process.CommandFailed as error:
            raise TransientDriverError(
                "Open vSwitch did not take a change on this host.", detail=error.detail
            ) from error
        return done.returncode


def _value(value: Any) -> Any:
    """Return a column as JSON has it in plain Python: maps as dictionaries, sets as lists."""
    if isinstance(value, list) and value and value[0] == "map":
        return dict(value[1])
    if isinstance(value, list) and value and value[0] == "set":
        return list(value[1])
    return value
