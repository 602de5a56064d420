"""What a guest reaches on the host where it is: the words of its definition that lead out of it.

A host says what a guest that comes may reach (``reaches``); what comes is held against that (``strange``).
Standard library alone: the tunnel uses it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from xml.etree import ElementTree as ET

#: What a guest of ours is made of. Below those of ``WITHIN`` all is the guest's own affair.
WITHIN = frozenset(
    {"cpu", "features", "clock", "pm", "controller", "video", "memballoon", "iotune", "address"}
)
KNOWN = WITHIN | frozenset(
    {
        *(
            "domain",
            "name",
            "uuid",
            "metadata",
            "instance",
            "memory",
            "currentMemory",
            "vcpu",
            "os",
        ),
        *("type", "kernel", "initrd", "cmdline", "boot", "on_poweroff", "on_reboot", "on_crash"),
        *(
            "devices",
            "emulator",
            "disk",
            "driver",
            "source",
            "host",
            "auth",
            "secret",
            "encryption",
        ),
        *("target", "serial", "alias", "readonly", "reconnect", "interface", "mac", "model", "mtu"),
        *("console", "log", "channel", "graphics", "listen", "input", "audio", "rng", "backend"),
        *("seclabel", "label", "link", "rom", "privatedata", "resource", "partition"),
        *("memoryBacking", "hugepages", "page", "numatune", "memnode"),
        *("cputune", "vcpupin", "emulatorpin"),
    }
)
#: Whose every word leads somewhere.
LEADS = frozenset(
    {
        *("source", "host", "auth", "secret", "encryption", "log", "listen", "backend", "emulator"),
        *("kernel", "initrd", "label", "name", "uuid", "instance"),
        *("vcpupin", "emulatorpin", "memnode", "page"),
    }
)
#: Those of which the same is true below another.
LEADS_THERE = frozenset({("target", "interface"), ("memory", "numatune")})
#: What of a device says of which kind it is.
KINDS = frozenset({"disk", "interface", "serial", "console", "channel", "graphics", "audio"})


def reaches(definition: str, *more: str) -> list[str]:
    """Return what the guest of a definition may reach; ``more`` are words of its host for it."""
    return sorted({*_words(ET.fromstring(definition)), *more})  # noqa: S314  from our own driver


def strange(definition: str, known: Collection[str]) -> list[str]:
    """Return what a definition has that its host did not say; nothing is as it should be."""
    if "<!" in definition:  # a document type, with entities of its own
        return ["no plain definition"]
    try:
        root = ET.fromstring(definition)  # noqa: S314
    except ET.ParseError as error:
        return [f"no definition: {error}"]
    unknown = [f"<{tag}>" for tag in _tags(root) if tag not in KNOWN]
    return sorted({*unknown, *(word for word in _words(root) if word not in known)})


def _plain(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _tags(element: ET.Element) -> Iterator[str]:
    yield _plain(element)
    if _plain(element) not in WITHIN:
        for child in element:
            yield from _tags(child)


def _words(element: ET.Element, parent: str = "") -> Iterator[str]:
    tag = _plain(element)
    leads = tag in LEADS or (tag, parent) in LEADS_THERE
    said = dict(element.attrib)
    text = (element.text or "").strip()
    if text:
        said[""] = text
    for key, value in said.items():
        if leads or (tag in KINDS and key == "type") or "/" in value:
            yield f"{tag} {value}" if "/" not in value else value
    for child in element:
        yield from _words(child, tag)
