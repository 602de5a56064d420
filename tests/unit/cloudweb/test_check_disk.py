"""A host looks at every disk itself before a hypervisor opens it: the attack corpus once more."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from cloudweb.image_cache.download import WrongContent, check_disk
from cloudweb.image_cache.source import ImageSource
from tests.builders.hostile_images import HOSTILE
from tests.builders.sound_images import SOUND, Case

#: Harmless to a host, which opens raw disks as raw alone: they only are not what users meant.
HARMLESS = {
    "raw: GPT with a second partition",
    "raw: boot sector without partitions",
    "raw: partition that is neither on nor off",
    "raw: short qcow2",
    "raw: fixed VHD",
}
OPENED = {"qcow2": "qcow2", "raw": "raw", "ami": "raw", "aki": "raw", "ari": "raw"}


def is_for_hosts(case: Case) -> bool:
    return case.disk_format in OPENED and case.container not in ("ova", "docker", "compressed")


def source(case: Case) -> ImageSource:
    disk_format: Literal["raw", "qcow2"] = "qcow2" if case.disk_format == "qcow2" else "raw"
    return ImageSource(
        id="i", url="http://cloud/i", sha512="", size=1, disk_format=disk_format, virtual_size=1
    )


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, case in HOSTILE.items()
        if is_for_hosts(case) and name not in HARMLESS and not name.startswith("empty")
    ],
)
def test_hostile_disk_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "disk"
    path.write_bytes(HOSTILE[name].make())
    with pytest.raises(WrongContent):
        check_disk(path, source(HOSTILE[name]))


@pytest.mark.parametrize("name", [name for name, case in SOUND.items() if is_for_hosts(case)])
def test_sound_disk_passes(tmp_path: Path, name: str) -> None:
    path = tmp_path / "disk"
    path.write_bytes(SOUND[name].make())
    check_disk(path, source(SOUND[name]))
