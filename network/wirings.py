"""What a host was last told about its networks and ports, on its own disk.

A damaged record is set aside and its port is lost: it is on the host, but nobody here knows how it
shall be, until the control plane tells it again. The picture of a network is in each port's, too.

``<directory>/<network id>/network.json`` is the newest picture of the network that any port brought;
``<directory>/<network id>/ports/<port id>.json`` is each port here. Every file is written in one step,
so a host that loses power finds either the old or the new one.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cloudweb.driver import DriverError
from cloudweb.files import sync_directory, write_atomically
from cloudweb.records import forget, lost_in, read_record
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

    def find(self, network_id: str, port_id: str) -> PortWiring | None:
        """Return one port as it was last told, or None."""
        return _read_port(self._port_file(network_id, port_id))

    def is_here(self, network_id: str, port_id: str) -> bool:
        """Tell whether the port was told here and not taken away since, be its record lost or not."""
        found = self.find(network_id, port_id)
        return found is not None or port_id in self.lost(network_id)

    def keep(self, port: PortWiring) -> PortWiring:
        """Keep whatever is newer, of the network and of the port each; return what holds now."""
        network, directory = port.network, self._network_dir(port.network.id)
        known = self._known(network.id)
        if known is not None and known.revision > network.revision:
            network = known
        write_atomically(directory / "network.json", json.dumps(network.dump()))
        told = self.find(network.id, port.id)
        newest = told if told is not None and told.revision > port.revision else port
        newest = newest.model_copy(update={"network": network})
        write_atomically(self._port_file(network.id, port.id), json.dumps(newest.dump()))
        return newest

    def forget(self, network_id: str, port_id: str) -> None:
        """Drop a port; absent is fine."""
        forget(self._port_file(network_id, port_id))

    def forget_network(self, network_id: str) -> None:
        """Drop a network with all its ports."""
        directory = self._network_dir(network_id)
        if directory.exists():
            shutil.rmtree(directory)
            sync_directory(self._directory)

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

    def _port_file(self, network_id: str, port_id: str) -> Path:
        return self._network_dir(network_id) / "ports" / f"{_checked(port_id)}.json"


def _newest(ports: Sequence[PortWiring]) -> NetworkWiring | None:
    pictures = [port.network for port in ports]
    return max(pictures, key=lambda picture: picture.revision, default=None)


def _read_port(path: Path) -> PortWiring | None:
    return read_record(path, partial(_parse_port, path))


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
