"""A running guest's definition as its new host has it: pure functions.

The hardware is what the guest sees now; what it leads to is what the new host offered in a definition of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import PurePosixPath
from xml.etree import ElementTree as ET

from cloudweb.driver import DriverError

#: What of a device leads somewhere; the rest of it is hardware.
_LEADS = {"serial": ("source", "log"), "console": ("source", "log"), "channel": ("source", "log")}
_OF_THE_HOST = ("kernel", "initrd")
#: Where a guest lies in its host's NUMA cells; what it sees of its own is hardware.
_OF_ITS_CELLS = ("memoryBacking", "vcpu", "cputune", "numatune")


def arriving(live: str, offered: str) -> str:
    """Return the running guest as it goes on; raise DriverError where the offer is of another guest."""
    root, other = ET.fromstring(live), ET.fromstring(offered)  # noqa: S314  from our libvirt, our agents
    for tag in ("name", "uuid"):
        if root.findtext(tag) != other.findtext(tag):
            raise DriverError("The other host expects another server.", detail=offered[:500])
    _exchange(root, other, "metadata")
    _exchange(root, other, "seclabel")
    for tag in _OF_ITS_CELLS:
        _exchange(root, other, tag)
    for tag in _OF_THE_HOST:
        _exchange(_one(root, "os"), _one(other, "os"), tag)
    devices, theirs = _one(root, "devices"), _one(other, "devices")
    _pair(devices, theirs, "disk", disk_key, _move_disk)
    _pair(devices, theirs, "interface", _mac, lambda one, new: _exchange(one, new, "target"))
    for tag, parts in _LEADS.items():
        for one, new in zip(devices.findall(tag), theirs.findall(tag), strict=True):
            for part in parts:
                _exchange(one, new, part)
    _exchange(devices, theirs, "graphics")
    return ET.tostring(root, encoding="unicode")


def disk_key(disk: ET.Element) -> str:
    """Return by what a disk is known on both hosts: an attached one's serial, its file's name else."""
    source = disk.find("source")
    path = "" if source is None else source.get("file", "")
    return disk.findtext("serial") or PurePosixPath(path).name


def targets(definition: str) -> dict[str, str]:
    """Return the name that the guest's host calls each disk by, by its key."""
    root = ET.fromstring(definition)  # noqa: S314  from our libvirt
    return {
        disk_key(disk): target.get("dev", "")
        for disk in root.findall("devices/disk")
        if (target := disk.find("target")) is not None
    }


def processor(definition: str) -> str:
    """Return the processor that the guest has, as it can be compared; empty for one that any host makes."""
    cpu = ET.fromstring(definition).find("cpu")  # noqa: S314  from our libvirt
    if cpu is None or cpu.get("mode") != "custom":
        return ""
    return ET.tostring(cpu, encoding="unicode")


def machine(definition: str) -> str:
    """Return the board that the guest has."""
    kind = ET.fromstring(definition).find("os/type")  # noqa: S314  from our libvirt
    return "" if kind is None else kind.get("machine", "")


def _mac(interface: ET.Element) -> str:
    mac = interface.find("mac")
    return "" if mac is None else mac.get("address", "").lower()


def _move_disk(disk: ET.Element, offered: ET.Element) -> None:
    """A disk's chain is what its host finds there: a copied one stands on nothing."""
    _exchange(disk, offered, "source")
    for chain in disk.findall("backingStore"):
        disk.remove(chain)
    driver, theirs = disk.find("driver"), offered.find("driver")
    if driver is not None and theirs is not None and (cache := theirs.get("cache")):
        driver.set("cache", cache)


def _pair(
    devices: ET.Element,
    offered: ET.Element,
    tag: str,
    key: Callable[[ET.Element], str],
    move: Callable[[ET.Element, ET.Element], None],
) -> None:
    there = {key(one): one for one in offered.findall(tag)}
    for one in devices.findall(tag):
        if (known := key(one)) not in there:
            raise DriverError(
                "The other host was not told of a device that the server has.",
                detail=f"{tag} {known}",
            )
        move(one, there[known])


def _exchange(parent: ET.Element, offered: ET.Element, tag: str) -> None:
    """Let all children of a tag be the offered ones, where the first was."""
    old = parent.findall(tag)
    place = list(parent).index(old[0]) if old else len(parent)
    for one in old:
        parent.remove(one)
    for number, one in enumerate(offered.findall(tag)):
        parent.insert(place + number, copy.deepcopy(one))


def _one(parent: ET.Element, tag: str) -> ET.Element:
    found = parent.find(tag)
    if found is None:
        raise DriverError("The server's definition is damaged.", detail=tag)
    return found
