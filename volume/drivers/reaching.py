"""How a host reaches a volume that was exported to it, to write to it itself or to let QEMU do so."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.driver import DriverError
from volume.backups.restoring import Target
from volume.drivers.fake_records import FakeBlocks
from volume.drivers.luks import SECRET_OBJECT, opened_node, options
from volume.drivers.nbd import NbdClient
from volume.objects import VolumeConnection

#: So long QEMU waits for a server that went away. Seconds.
_RECONNECT = 3600


class Reaching:
    """The ways of one host; ``certificates`` are its own."""

    def __init__(self, certificates: Path) -> None:
        self._certificates = certificates

    def node(self, connection: VolumeConnection, name: str) -> Mapping[str, Any]:
        """Return the block device by which QEMU reaches a volume; it needs ``objects`` first.

        For one that is encrypted it needs the object of ``SECRET``, too.
        """
        common = {"node-name": name, "discard": "unmap"}
        if connection.encrypted:
            plain = connection.model_copy(update={"encrypted": False})
            return {**common, **opened_node(self.node(plain, f"{name}-cipher"))}
        if connection.kind == "rbd":
            servers = [_host_and_port(one) for one in connection.monitors]
            return {
                **common,
                "driver": "rbd",
                "pool": connection.rbd_pool,
                "image": connection.image,
                "user": connection.user,
                "key-secret": f"key-{name.removesuffix('-cipher')}",
                "auth-client-required": ["cephx"],
                "server": [{"host": host, "port": port} for host, port in servers],
            }
        nbd = {
            **common,
            "driver": "nbd",
            "export": connection.export,
            "reconnect-delay": _RECONNECT,
        }
        if connection.kind == "nbd_unix":
            return {**nbd, "server": {"type": "unix", "path": connection.path}}
        if connection.kind != "nbd_tls":
            raise DriverError("This host cannot reach such a volume.", detail=connection.kind)
        where = {"type": "inet", "host": connection.address, "port": str(connection.port)}
        named = {"tls-hostname": connection.tls_name} if connection.tls_name else {}
        return {**nbd, "server": where, "tls-creds": f"tls-{name}", **named}

    def objects(
        self, connection: VolumeConnection, name: str, secret: Path
    ) -> Sequence[Mapping[str, Any]]:
        """Return what QEMU needs to have for ``node``; what is secret is written to ``secret``."""
        if connection.kind == "rbd":
            secret.touch(mode=0o600)
            secret.write_text(connection.secret)
            key = {"qom-type": "secret", "id": f"key-{name}", "format": "base64"}
            return [{**key, "file": str(secret)}]
        if connection.kind != "nbd_tls":
            return []
        if not (self._certificates / "client-cert.pem").exists():
            raise DriverError(
                "This host has no certificate yet; it cannot reach volumes of others.",
                detail=str(self._certificates),
            )
        creds = {"qom-type": "tls-creds-x509", "id": f"tls-{name}", "endpoint": "client"}
        return [{**creds, "dir": str(self._certificates)}]

    @contextmanager
    def open(self, connection: VolumeConnection) -> Iterator[Target]:
        """Open a volume to write to it; what was written is durable when this is left."""
        if connection.kind == "fake":
            with _fake(connection) as blocks:
                yield blocks
            return
        if connection.kind == "nbd_unix":
            with NbdClient(Path(connection.path), connection.export) as client:
                yield client
                client.flush()
            return
        with (
            tempfile.TemporaryDirectory(prefix="cloudweb-copy-") as place,
            self._through(connection, Path(place)) as client,
        ):
            yield client
            client.flush()

    @contextmanager
    def _through(self, connection: VolumeConnection, place: Path) -> Iterator[NbdClient]:
        """Let a server of our own stand between, which speaks what QEMU does; it ends with us."""
        socket = place / "s"
        objects = self.objects(connection, "target", place / "key")
        node = {**self.node(connection, "target"), "node-name": "target"}
        key = connection.passphrase.encode()
        process.run(
            "qemu-nbd", "--fork", f"--socket={socket}", "--discard=unmap",
            *(SECRET_OBJECT if connection.encrypted else ()),
            *(word for one in objects for word in ("--object", json.dumps(one))),
            "--image-opts", options(node), timeout=60, data=key or None,
        )  # fmt: skip
        with NbdClient(socket, "") as client:
            yield client


def _host_and_port(monitor: str) -> tuple[str, str]:
    host, _, port = monitor.rpartition(":")
    return host.strip("[]"), port


@contextmanager
def _fake(connection: VolumeConnection) -> Iterator[FakeBlocks]:
    """Let the words that are written lie where the fake back end finds them."""
    blocks = FakeBlocks(connection.size, b"")
    yield blocks
    drop = Path(connection.path)
    drop.parent.mkdir(parents=True, exist_ok=True)
    drop.write_bytes(blocks.text)
