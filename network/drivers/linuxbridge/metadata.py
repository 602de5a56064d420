"""The agent's side of the metadata proxy: its files and its process."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import threading
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from cloudweb import process
from cloudweb.files import write_atomically
from cloudweb.records import read_record
from network.drivers.linuxbridge.config import (
    GATEWAY,
    METADATA_ADDRESS,
    METADATA_SIX,
    BridgeConfig,
    NetworkNames,
)
from network.drivers.linuxbridge.namespaces import DIRECTORY
from network.drivers.linuxbridge.port_chains import link_local
from network.drivers.linuxbridge.served import ServedPort
from network.objects import NetworkWiring

PROGRAM = Path(__file__).resolve().parents[2] / "metadata_proxy.py"

SIX = "-six"  # on the second file of a network


class MetadataProxy:
    """One process for all networks of the host; it goes on when we die and is found again."""

    def __init__(self, directory: Path, config: BridgeConfig, host: str) -> None:
        self._directory, self._config, self._host = directory, config, host
        self._lock = threading.Lock()

    def ensure(
        self,
        network: NetworkWiring,
        ports: Collection[ServedPort],
        names: NetworkNames,
        *,
        six: bool = False,
    ) -> None:
        """Let the proxy answer exactly these ports of the network; ``six``: on the wire's own IPv6 address too."""
        if not self._config.metadata_url or self._config.host_key is None:
            return
        gateways = [subnet.gateway_ip for subnet in network.subnets if subnet.ip_version == 4]
        if network.kind == "flat" and (not gateways or gateways[0] is None):
            self.remove(network.id)
            return
        isolated = network.kind == "isolated"
        spec = {
            "namespace": names.namespace if isolated else None,
            "born": (DIRECTORY / names.namespace).stat().st_ino if isolated else None,
            "address": METADATA_ADDRESS if isolated else gateways[0],
            "port": 80 if isolated else self._config.metadata_port,
            "ports": {address: port.id for port in ports for address in port.addresses},
            "projects": {port.id: port.project_id for port in ports},
        }
        with self._lock:
            self._drop_ports(network.id, {port.id for port in ports})
            self._write(
                "proxy.json",
                {
                    "host": self._host,
                    "url": self._config.metadata_url,
                    "key_file": str(self._config.host_key),
                },
            )
            self._write(f"networks/{network.id}.json", spec)
            if six:
                self._write(f"networks/{network.id}{SIX}.json", spec | _by_six(network.id, ports))
            else:
                self._drop_six(network.id)
            self._start()

    def remove(self, network_id: str) -> None:
        """Let the proxy leave the network; with the last one it ends."""
        with self._lock:
            self._drop_ports(network_id, set())
            (self._directory / "networks" / f"{network_id}.json").unlink(missing_ok=True)
            self._drop_six(network_id)
            shutil.rmtree(self._directory / "milestones" / network_id, ignore_errors=True)
            if not any((self._directory / "networks").glob("*.json")):
                self._stop()
                shutil.rmtree(self._directory, ignore_errors=True)

    def is_dead(self, network_id: str) -> bool:
        """Tell whether the network is served by a proxy that runs no more."""
        return (self._directory / "networks" / f"{network_id}.json").exists() and self.pid() is None

    def milestones(self, network_id: str) -> Iterable[tuple[str, float]]:
        """Return (port id, Unix time) of guests that have fetched their metadata."""
        for seen in sorted((self._directory / "milestones" / network_id / "seen").glob("*")):
            yield seen.name, seen.stat().st_mtime

    def forget_milestone(self, network_id: str, port_id: str) -> None:
        """Do not tell it again as long as the port is here."""
        home = self._directory / "milestones" / network_id
        if (home / "seen" / port_id).exists():
            (home / "told").mkdir(exist_ok=True)
            (home / "seen" / port_id).replace(home / "told" / port_id)

    def pid(self) -> int | None:
        """Return the pid of the running proxy, or None."""
        pid = process.read_pid(self._directory / "proxy.pid")
        if pid is not None and self._is_ours(pid):
            return pid
        # The file is lost, or names one that found another already serving and ended.
        running = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return next((pid for pid in running if self._is_ours(pid)), None)

    def _start(self) -> None:
        pid = self.pid()
        if pid is not None and self._command_line(pid) == self._words():
            return
        self._stop()  # none, or one of an older release
        process.start_detached(
            *self._words(),
            log=self._directory / "proxy.log",
            pid_file=self._directory / "proxy.pid",
        )

    def _stop(self) -> None:
        pid = self.pid()
        if pid is not None:
            process.stop(pid, exe=str(Path(f"/proc/{pid}/exe").readlink()))

    def _words(self) -> Sequence[str]:
        build = hashlib.sha256(PROGRAM.read_bytes()).hexdigest()[:16]
        return (sys.executable, "-I", "-S", str(PROGRAM), str(self._directory), build)

    def _is_ours(self, pid: int) -> bool:
        return self._command_line(pid)[3:5] == self._words()[3:5]

    def _command_line(self, pid: int) -> Sequence[str]:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            return ()
        return tuple(words[:-1])

    def _drop_six(self, network_id: str) -> None:
        (self._directory / "networks" / f"{network_id}{SIX}.json").unlink(missing_ok=True)

    def _drop_ports(self, network_id: str, stay: set[str]) -> None:
        """Drop the answers and milestones of ports that were on the network and are no more."""
        path = self._directory / "networks" / f"{network_id}.json"
        known = read_record(path, lambda kept: {str(port) for port in kept["ports"].values()})
        for port_id in (known or set()) - stay:
            shutil.rmtree(self._directory / "answers" / port_id, ignore_errors=True)
            for kind in ("seen", "told"):
                home = self._directory / "milestones" / network_id / kind
                (home / port_id).unlink(missing_ok=True)

    def _write(self, name: str, content: object) -> None:
        path, text = self._directory / name, json.dumps(content, sort_keys=True)
        if not path.exists() or path.read_bytes() != text.encode():
            write_atomically(path, text)


def _by_six(network_id: str, ports: Collection[ServedPort]) -> dict[str, object]:
    """Return how the proxy knows guests that ask by IPv6: each by what its MAC address makes of the wire's prefix."""
    asking = {str(link_local(port.mac)): port for port in ports if port.addresses}
    return {
        "network": network_id,
        "interface": GATEWAY,
        "address": METADATA_SIX,
        "ports": {address: port.id for address, port in asking.items()},
        "known_as": {address: port.addresses[0] for address, port in asking.items()},
    }
