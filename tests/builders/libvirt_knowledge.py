"""What a libvirtd asks QEMU when it is new: kept for all hosts of the suite, since it takes nine seconds.

libvirt looks itself whether an answer is of this QEMU, kernel and machine, and asks again where it is not.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.builders.demo_image import suite_cache


def give(compute: Path) -> None:
    """Let the libvirtd of a host that is new find the answers; ``compute`` is what its agent keeps."""
    if _kept().exists():
        shutil.copytree(_kept(), _answers(compute), dirs_exist_ok=True)


def keep(compute: Path) -> None:
    """Keep what a host's libvirtd knows now for those that come."""
    _kept().mkdir(parents=True, exist_ok=True)
    for answer in _answers(compute).glob("*.xml"):
        draft = _kept() / f"{answer.name}.{os.getpid()}"
        shutil.copy2(answer, draft)
        draft.replace(_kept() / answer.name)


def _kept() -> Path:
    return suite_cache() / "libvirt"


def _answers(compute: Path) -> Path:
    return compute / "libvirt" / "cache" / "qemu" / "capabilities"
