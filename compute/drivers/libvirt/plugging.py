"""Disks that come and go: in a running domain, and in its definition for the next start."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import libvirt
import libvirt_qemu
import structlog

from cloudweb.conf import env
from cloudweb.driver import DriverError, TransientDriverError, Work
from compute.drivers.base import DiskInUse, DiskNotFound
from compute.drivers.libvirt.connection import Connection
from compute.drivers.libvirt.devices import CONFIG, LIVE, POLL, Devices, no_place
from compute.drivers.libvirt.disks import (
    Attached,
    alias_of,
    attached_disk,
    attached_in,
    free_target,
    key_xml,
    secret_xml,
    targets_in,
    throttle_of,
)
from compute.drivers.libvirt.domains import Domains
from compute.drivers.libvirt.entries import ENTRIES_DIR
from compute.objects import DiskSource, DiskThrottle, GuestDisk

log = structlog.get_logger(__name__)

#: So long a disk's new size is asked for: a server that let go of the export is found again meanwhile.
RESIZE_SECONDS = 30.0
#: Seconds that a guest waits for a volume of another host.
PATIENCE_WITH_HOSTS = 3600
REFUSED = "The hypervisor could not attach the disk."
KEPT = "The hypervisor could not detach the disk."


class Plugging(Devices):
    """Attached disks of our domains, each known by its serial."""

    def __init__(self, connection: Connection, domains: Domains) -> None:
        super().__init__(connection, domains)
        self._patience = int(env.int("VOLUME_RECONNECT_SECONDS", default=60))

    def check(self, guest_id: str) -> None:
        """Raise GuestNotFound for a guest that has no domain."""
        self._domain(guest_id)

    def plug(self, guest_id: str, disk: GuestDisk, *, work: Work) -> None:
        """Put the disk into the definition and, where the guest runs, into the guest."""
        domain = self._domain(guest_id)
        for flag in self._places(domain):
            text = self._xml(domain, flag)
            there = {one.serial: one for one in attached_in(text)}
            if disk.serial in there:
                self._limit(domain, flag, there[disk.serial], disk.throttle or DiskThrottle())
                continue
            target = free_target(disk.device, targets_in(text))
            element = Attached(disk.serial, target, attached_disk(disk, target))
            work.checkpoint()
            with self._connection.use(REFUSED), no_place("disk"):
                domain.attachDeviceFlags(element.text, flag)

    def _limit(
        self, domain: libvirt.virDomain, flag: int, found: Attached, throttle: DiskThrottle
    ) -> None:
        """Hold the guest to what it may ask of a disk that it has."""
        if throttle_of(found) == throttle:
            return
        with self._connection.use("The hypervisor could not limit the disk."):
            domain.setBlockIoTune(found.target, throttle.model_dump(), flag)

    def unplug(self, guest_id: str, serial: str, *, timeout: float, work: Work) -> None:
        """Take the disk out of the definition, then ask the guest until it is gone; raise DiskInUse."""
        domain = self._domain(guest_id)
        self._take_out(
            domain,
            lambda flag: self.found(domain, flag, serial),
            timeout=timeout,
            work=work,
            refused=KEPT,
            kept=DiskInUse,
        )

    def resize(self, guest_id: str, serial: str, size: int, *, work: Work) -> None:
        """Let a running guest see the size; its volume has it already."""
        domain = self._domain(guest_id)
        found = self._live(domain, serial)
        if found is None:
            if self.found(domain, CONFIG, serial) is None:
                raise DiskNotFound
            return
        deadline = time.monotonic() + RESIZE_SECONDS
        while True:
            work.checkpoint()
            try:
                with self._connection.use("The hypervisor could not show the new size."):
                    domain.blockResize(found.target, size, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
            except TransientDriverError:
                if time.monotonic() >= deadline:
                    raise
            else:
                return
            self._ask_server(domain, found)
            time.sleep(POLL)

    def _ask_server(self, domain: libvirt.virDomain, found: Attached) -> None:
        """Read a sector, so that QEMU connects again to a server that let go of the export to grow it.

        It would not before the guest's next request, and hears of the size when it connects.
        """
        with suppress(DriverError):
            qmp = Monitor(self._connection, domain)
            node = node_of(qmp, found)
            line = f'qemu-io {node} "read 0 512"'
            qmp("human-monitor-command", **{"command-line": line})

    def sizes(self, guest_id: str) -> Mapping[str, int]:
        """Return what a running guest sees of its attached disks; 0 for a guest that is off."""
        domain = self._domain(guest_id)
        if not self._domains.is_active(domain):
            return {one.serial: 0 for one in attached_in(self._xml(domain, CONFIG))}
        with self._connection.use():
            return {
                one.serial: domain.blockInfo(one.target)[0] for one in attached_in(domain.XMLDesc())
            }

    def tell_secrets(self, disks: Iterable[GuestDisk]) -> None:
        """Tell libvirt what Ceph asks the users of these disks for, and what opens those that are encrypted."""
        for source in (disk.source for disk in disks):
            if source is None or source.kind != "rbd":
                continue
            if source.encrypted and not source.passphrase:
                raise DriverError(
                    "The host does not have the key of an encrypted volume since it was started: start the "
                    "server again.",
                    detail=source.image,
                )
            with self._connection.use() as connection:
                if source.user:
                    secret = connection.secretDefineXML(secret_xml(source))
                    secret.setValue(base64.b64decode(source.secret))
                if source.encrypted:
                    secret = connection.secretDefineXML(key_xml(source))
                    secret.setValue(source.passphrase.encode())

    def hold_on(self, guest_id: str, disks: Iterable[GuestDisk]) -> None:
        """Let a running guest wait for servers of its disks that go away for a while.

        libvirt 9 knows no such setting for NBD, so QEMU is told itself: the disk's node is exchanged
        for one like it that connects again. Without it, requests fail until the server is found.
        """
        for disk in disks:
            if disk.source is None or not disk.source.kind.startswith("nbd"):
                continue
            try:
                self._exchange(self._domain(guest_id), disk)
            except DriverError as error:
                log.warning(
                    "a disk does not wait for its server",
                    guest=guest_id, disk=disk.serial, error=error.message, detail=error.detail,
                )  # fmt: skip

    def _exchange(self, domain: libvirt.virDomain, disk: GuestDisk) -> None:
        assert disk.source is not None
        found = self._live(domain, disk.serial)
        if found is None:
            return
        qmp = Monitor(self._connection, domain)
        upper = node_of(qmp, found)
        lower, interim = upper.replace("-format", "-storage"), f"cloudweb-{upper[-40:]}"
        wanted = {
            **_nbd(disk.source, lower),
            "reconnect-delay": self._patience_with(disk.source),
            "read-only": disk.read_only,
            "cache": {"direct": True, "no-flush": False},
            "discard": "unmap",
        }

        qmp("blockdev-add", **wanted, **{"node-name": interim})
        try:
            lead(qmp, upper, interim, disk)
            qmp("blockdev-del", **{"node-name": lower})
            qmp("blockdev-add", **wanted, **{"node-name": lower})
            lead(qmp, upper, lower, disk)
        finally:
            with suppress(DriverError):  # it is in use where the exchange stopped halfway
                qmp("blockdev-del", **{"node-name": interim})

    def _patience_with(self, source: DiskSource) -> int:
        """Return how long a guest waits for a server: another host takes long until it is back."""
        is_elsewhere = source.path.startswith(f"{ENTRIES_DIR}/")
        return max(self._patience, PATIENCE_WITH_HOSTS) if is_elsewhere else self._patience

    def found(self, domain: libvirt.virDomain, flag: int, serial: str) -> Attached | None:
        """Return the disk of this serial as the guest has it (LIVE) or is defined (CONFIG)."""
        every = attached_in(self._xml(domain, flag))
        return next((one for one in every if one.serial == serial), None)

    def _live(self, domain: libvirt.virDomain, serial: str) -> Attached | None:
        return self.found(domain, LIVE, serial) if self._domains.is_active(domain) else None


class Monitor:
    """QEMU's own commands about one running domain; raises TransientDriverError for its refusals."""

    def __init__(self, connection: Connection, domain: libvirt.virDomain) -> None:
        self._connection, self._domain = connection, domain

    def __call__(self, command: str, **arguments: Any) -> Any:
        said = json.dumps({"execute": command, "arguments": arguments})
        with self._connection.use():
            answer = json.loads(libvirt_qemu.qemuMonitorCommand(self._domain, said, 0))
        if "error" in answer:
            raise TransientDriverError(
                "The hypervisor could not do this.", detail=f"{command}: {answer['error']['desc']}"
            )
        return answer["return"]


def node_of(qmp: Monitor, found: Attached) -> str:
    """Return by which name QEMU knows what a disk's device reads and writes."""
    device = f"/{alias_of(found)}/"
    for one in qmp("query-block"):
        if device in f"/{one.get('qdev', '')}/" and "inserted" in one:
            return str(one["inserted"]["node-name"])
    raise TransientDriverError("The disk is not where it should be.", detail=device)


def lead(qmp: Monitor, upper: str, lower: str, disk: GuestDisk) -> None:
    """Let what a disk's device reads and writes lie on another node."""
    qmp("blockdev-reopen", options=[{
        **_format(qmp, upper, disk), "node-name": upper, "file": lower, "read-only": disk.read_only,
        "cache": {"direct": True, "no-flush": False}, "discard": "unmap",
    }])  # fmt: skip


def _format(qmp: Monitor, upper: str, disk: GuestDisk) -> dict[str, str]:
    """Return how a disk's bytes are read; what opens an encrypted one libvirt has told QEMU already."""
    if disk.source is None or not disk.source.encrypted:
        return {"driver": "raw"}
    known = [one["name"] for one in qmp("qom-list", path="/objects")]
    secrets = [one for one in known if one.startswith(f"{upper}-") and "-secret" in one]
    if not secrets:
        raise TransientDriverError("The disk is not as it should be.", detail=str(known))
    return {"driver": "luks", "key-secret": secrets[0]}


def _nbd(source: DiskSource, node: str) -> dict[str, Any]:
    if source.kind == "nbd_unix":
        return {
            "driver": "nbd",
            "server": {"type": "unix", "path": source.path},
            "export": source.export,
        }
    named = {"tls-hostname": source.tls_name} if source.tls_name else {}
    return {
        "driver": "nbd",
        "server": {"type": "inet", "host": source.address, "port": str(source.port)},
        "export": source.export,
        "tls-creds": f"obj{node}_tls0",  # libvirt's own object for the node it made
        **named,
    }
