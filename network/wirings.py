"""What a host was last told about its networks and ports, on its own disk.

``<directory>/<network id>/network.json`` is the newest picture of the network that any port brought;
``<directory>/<network id>/ports/<port id>.json`` is each port here. Every file is written in one step,
so a host that loses power finds either the old or the new one.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from cloudweb.driver import DriverError
from cloudweb.files import sync_directory, write_atomically
from cloudweb.objects import IncompatibleObject
from network.objects import NetworkWiring, PortWiring

_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z")


class Wirings:
    """The store; callers hold the network's lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def networks(self) -> Sequence[str]:
        """Return the ids of all networks that a port here was told about."""
        if not self._directory.exists():
            return ()
        return sorted(
            entry.name for entry in self._directory.iterdir() if (entry / "network.json").exists()
        )

    def network(self, network_id: str) -> NetworkWiring:
        """Return the newest picture; raise DriverError when there is none."""
        path = self._network_dir(network_id) / "network.json"
        try:
            return NetworkWiring.load(json.loads(path.read_text()))
        except (OSError, ValueError, IncompatibleObject) as error:
            raise DriverError(
                "The host's record of a network cannot be read.", detail=f"{path}: {error}"
            ) from error

    def ports(self, network_id: str) -> Sequence[PortWiring]:
        """Return the network's ports here, each with the newest picture of the network."""
        directory = self._network_dir(network_id) / "ports"
        if not directory.exists():
            return ()
        network = self.network(network_id)
        return [
            self._read(path).model_copy(update={"network": network})
            for path in sorted(directory.glob("*.json"))
        ]

    def find(self, network_id: str, port_id: str) -> PortWiring | None:
        """Return one port as it was last told, or None."""
        path = self._port_file(network_id, port_id)
        return self._read(path) if path.exists() else None

    def keep(self, port: PortWiring) -> PortWiring:
        """Keep whatever is newer, of the network and of the port each; return what holds now."""
        network, directory = port.network, self._network_dir(port.network.id)
        if (directory / "network.json").exists():
            known = self.network(network.id)
            network = known if known.revision > network.revision else network
        write_atomically(directory / "network.json", json.dumps(network.dump()))
        told = self.find(network.id, port.id)
        newest = told if told is not None and told.revision > port.revision else port
        newest = newest.model_copy(update={"network": network})
        write_atomically(self._port_file(network.id, port.id), json.dumps(newest.dump()))
        return newest

    def forget(self, network_id: str, port_id: str) -> None:
        """Drop a port; absent is fine."""
        path = self._port_file(network_id, port_id)
        if path.exists():
            path.unlink()
            sync_directory(path.parent)

    def forget_network(self, network_id: str) -> None:
        """Drop a network with all its ports."""
        directory = self._network_dir(network_id)
        if directory.exists():
            shutil.rmtree(directory)
            sync_directory(self._directory)

    def _read(self, path: Path) -> PortWiring:
        try:
            return PortWiring.load(json.loads(path.read_text()))
        except (OSError, ValueError, IncompatibleObject) as error:
            raise DriverError(
                "The host's record of a port cannot be read.", detail=f"{path}: {error}"
            ) from error

    def _network_dir(self, network_id: str) -> Path:
        return self._directory / _checked(network_id)

    def _port_file(self, network_id: str, port_id: str) -> Path:
        return self._network_dir(network_id) / "ports" / f"{_checked(port_id)}.json"


def _checked(name: str) -> str:
    if not _ID.match(name):
        raise DriverError("An order names a network or port in a form no host accepts.")
    return name
