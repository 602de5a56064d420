"""The demo image's ramdisk with QEMU's guest agent in it, made once for all runs of the suite on this machine."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

from cloudweb import process
from cloudweb.files import make_directory
from tests.builders.demo_image import demo_image

_PACKAGE = "qemu-guest-agent"
_DOWNLOAD = ("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", _PACKAGE)
#: What the ramdisk has already; a second one of another build would not fit its loader.
_OWN = re.compile(r"/(ld-linux|libc\.so)")
#: Runs the agent in the background, once the host has given the guest a way to it.
START = (
    "port=$(grep -l org.qemu.guest_agent.0 /sys/class/virtio-ports/*/name | cut -d/ -f5); "
    "mkdir -p /var/run; qemu-ga -d -m virtio-serial -p /dev/$port -t /run"
)


@cache
def agent_ramdisk() -> Path:
    """Return the ramdisk: the demo image's, and behind it an archive with the agent and its libraries."""
    image = demo_image()
    place = make_directory(image.with_name("agent-ramdisk"))
    packages = sorted(place.glob("*.deb"))
    if not packages:
        process.run(*_DOWNLOAD, cwd=place, timeout=100)
        packages = sorted(place.glob("*.deb"))
    plain = (image / "initrd.img").read_bytes()
    whole = place / f"{hashlib.sha256(plain).hexdigest()[:16]}.img"
    if not whole.exists():
        draft = whole.with_suffix(".draft")
        draft.write_bytes(plain + _archive(packages[-1], place / "root"))
        draft.rename(whole)
    return whole


def _archive(package: Path, root: Path) -> bytes:
    (root / "bin").mkdir(parents=True, exist_ok=True)
    unpacked = root.with_name("package")
    (busybox,) = (demo_image() / ".packages").glob("busybox-static_*.deb")
    for deb in (package, busybox):
        process.run("dpkg-deb", "-x", str(deb), str(unpacked))
    agent = unpacked / "usr/sbin/qemu-ga"
    process.run("cp", str(agent), str(root / "bin"))
    for library in re.findall(r"(/\S+\.so\S*)", process.run("ldd", str(agent)).text):
        if not _OWN.search(library):
            process.run("install", "-D", library, str(root / library.lstrip("/")))
    pack = f"find . | {unpacked}/bin/busybox cpio -o -H newc | gzip -1"
    return process.run("sh", "-c", pack, cwd=root).stdout
