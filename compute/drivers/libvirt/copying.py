"""Disks copied as they are at one moment: by the guest's own QEMU while it runs, else by qemu-img."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from xml.etree import ElementTree as ET

import libvirt

from cloudweb import process
from cloudweb.driver import DiskFull, DriverError, TransientDriverError, Work
from compute.drivers.libvirt.connection import Connection
from compute.drivers.libvirt.domains import Domains

POLL = 0.1
#: A job that was called off has this long to end.
ENDING = 60.0
REFUSED = "The hypervisor could not copy the server's disk."


class Copies:
    """Copies of our domains' disks, one at a time of each domain."""

    def __init__(self, connection: Connection, domains: Domains) -> None:
        self._connection, self._domains = connection, domains

    def size(self, domain: libvirt.virDomain, disk: str) -> int:
        """Return the bytes a running guest's disk has."""
        with self._connection.use(REFUSED):
            return domain.blockInfo(disk)[0]

    def disks(self, domain: libvirt.virDomain) -> dict[str, str]:
        """Return the name of the file of each disk by its target; empty for one that is no file."""
        with self._connection.use(REFUSED):
            root = ET.fromstring(domain.XMLDesc())  # noqa: S314  from our libvirt
        found = {}
        for element in root.findall("devices/disk"):
            source, target = element.find("source"), element.find("target")
            if target is not None:
                path = "" if source is None else source.get("file", "")
                found[target.get("dev", "")] = Path(path).name
        return found

    def copy(
        self,
        domain: libvirt.virDomain,
        disk: str,
        target: Path,
        *,
        still: Callable[[], AbstractContextManager[None]],
        work: Work,
    ) -> None:
        """Have QEMU copy a disk into an empty one that is there; what the guest writes meanwhile is not in it.

        QEMU keeps old data aside before it is written over, so the guest is never halted.
        """
        text = _backup(self.disks(domain), disk, target)
        self.end(domain)
        work.checkpoint()
        try:
            with still(), self._connection.use(REFUSED):
                domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)  # forget an earlier one
                domain.backupBegin(text, None, libvirt.VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL)
            self._wait(domain, work)
        except BaseException:
            with suppress(DriverError):
                self.end(domain)
            raise

    def _wait(self, domain: libvirt.virDomain, work: Work) -> None:
        while True:
            with self._connection.use(REFUSED):
                said = domain.jobStats()
            if said["type"] == libvirt.VIR_DOMAIN_JOB_NONE:
                break
            work.checkpoint()
            total, done = int(said.get("disk_total", 0)), int(said.get("disk_processed", 0))
            if total:
                work.progress(min(99, 100 * done // total), "the disk is being copied")
            time.sleep(POLL)
        with self._connection.use(REFUSED):
            said = domain.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
        if said.get("type") != libvirt.VIR_DOMAIN_JOB_COMPLETED:
            why = str(said.get("errmsg", "it ended without a word"))
            if "No space left" in why:
                raise DiskFull(detail=why)
            raise TransientDriverError(REFUSED, detail=why)

    def end(self, domain: libvirt.virDomain) -> None:
        """Call off a copy that is being made, also by an earlier process; return when it is."""
        deadline = time.monotonic() + ENDING
        while self._domains.is_active(domain) and self._is_copying(domain):
            with self._connection.use(REFUSED):
                try:
                    domain.abortJob()
                except libvirt.libvirtError as error:
                    if error.get_error_code() != libvirt.VIR_ERR_OPERATION_INVALID:  # it ended
                        raise
            if time.monotonic() > deadline:
                raise TransientDriverError(REFUSED, detail="an earlier copy does not end")
            time.sleep(POLL)

    def _is_copying(self, domain: libvirt.virDomain) -> bool:
        with self._connection.use(REFUSED):
            try:
                domain.backupGetXMLDesc()
            except libvirt.libvirtError as error:
                if error.get_error_code() in (
                    libvirt.VIR_ERR_NO_DOMAIN_BACKUP,
                    libvirt.VIR_ERR_OPERATION_INVALID,
                ):
                    return False
                raise
        return True


def _backup(disks: dict[str, str], disk: str, target: Path) -> str:
    backup = ET.Element("domainbackup", mode="push")
    each = ET.SubElement(backup, "disks")
    for name in disks:
        if name != disk:
            ET.SubElement(each, "disk", name=name, backup="no")
            continue
        one = ET.SubElement(each, "disk", name=name, backup="yes", type="file")
        ET.SubElement(one, "driver", type="qcow2")
        ET.SubElement(one, "target", file=str(target))
    return ET.tostring(backup, encoding="unicode")


def convert(source: Path, target: Path, *, uid: int, gid: int, log: Path, work: Work) -> None:
    """Copy a disk at rest, with what it is based on, into one file beside it, as the guest's own user.

    What is in the guest's home may name any file of the host: that user may read its own alone.
    """
    user = ("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--")
    child = process.start_child(
        *user, *("setpriv", "--pdeathsig", "KILL", "--no-new-privs", "--"),
        *("nice", "-n", "10", "qemu-img", "convert", "-q", "-f", "qcow2", "-O", "qcow2"),
        *(source.name, target.name),
        cwd=source.parent, log=log,
    )  # fmt: skip
    try:
        while child.poll() is None:
            work.checkpoint()
            time.sleep(POLL)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
    if child.returncode:
        said = log.read_text(errors="replace")[-2000:]
        if "No space left" in said:
            raise DiskFull(detail=said)
        raise TransientDriverError(REFUSED, detail=said)
