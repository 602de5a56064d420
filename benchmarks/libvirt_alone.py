"""The floor: what libvirt alone takes for a guest such as ours, without network, console and screen."""

from __future__ import annotations

import os
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import libvirt
import orjson

from cloudweb import process
from compute.drivers.libvirt import LibvirtDriver


def libvirt_alone(hosts: Path, guests: int) -> list[float]:
    """Return the seconds of each start of a copy of the guest that runs on the one host there is."""
    host = next(path for path in hosts.iterdir() if (path / "compute").exists())
    driver = LibvirtDriver(state_dir=host / "compute", host=host.name)
    connection = libvirt.open(driver.daemon.uri())
    try:
        model = next(d for d in connection.listAllDomains() if d.name().startswith("instance-"))
        definition = ET.fromstring(model.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        return [_start(connection, definition, driver, number) for number in range(guests)]
    finally:
        connection.close()


#: What a copy does without, or must not share with its model.
_LEFT_OUT = ("uuid", "metadata", "interface", "serial", "console", "channel", "graphics", "video")


def _start(
    connection: libvirt.virConnect, definition: ET.Element, driver: LibvirtDriver, number: int
) -> float:
    copy = ET.fromstring(ET.tostring(definition))
    copy.find("name").text = f"alone-{number}"
    for parent in [copy, *copy.iter("devices")]:
        for child in list(parent):
            if child.tag in _LEFT_OUT:
                parent.remove(child)
    source = copy.find("./devices/disk/source")
    seen = Path(source.get("file"))  # where QEMU finds it
    disk = driver.daemon.guests / seen.relative_to(driver.daemon.GUESTS)
    told = orjson.loads(process.run("qemu-img", "info", "-U", "--output=json", str(disk)).stdout)
    overlay = disk.with_name(f"alone-{number}.qcow2")
    source.set("file", str(seen.with_name(overlay.name)))
    owner = disk.stat()
    started = time.perf_counter()
    process.run(
        "qemu-img", "create", "-q", "-f", "qcow2", "-F", told["backing-filename-format"],
        "-b", told["backing-filename"], str(overlay), str(told["virtual-size"]),
    )  # fmt: skip
    os.chown(overlay, owner.st_uid, owner.st_gid)
    domain = connection.createXML(ET.tostring(copy, encoding="unicode"))
    took = time.perf_counter() - started
    domain.destroy()
    overlay.unlink()
    return took
