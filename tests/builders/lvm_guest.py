"""A guest with a kernel of its own, in which LVM's commands and cryptsetup are run: machines for tests may lack
device mapper.

It boots straight into a list of commands, in software, from the demo image's kernel, that kernel's modules and
this machine's own lvm2, cryptsetup and qemu-nbd; it says on its console what each one said, and ends.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloudweb import process
from tests.builders.demo_image import demo_image

_MODULES = (
    "virtio_pci",
    "virtio_blk",
    "virtio_net",
    "dm-thin-pool",
    "dm-snapshot",
    "dm-crypt",
    "xts",
    "aes_generic",
)
_PROGRAMS = ("/usr/sbin/lvm", "/usr/sbin/cryptsetup", "/usr/bin/qemu-nbd")
#: The port on which something may be served there.
PORT = 10809
_COMMANDS = (
    "lvs",
    "lvcreate",
    "lvextend",
    "lvrename",
    "lvremove",
    "lvchange",
    "pvcreate",
    "vgcreate",
)
_CONFIG = """
global { thin_check_executable="" thin_dump_executable="" thin_repair_executable="" }
activation { udev_sync=0 udev_rules=0 monitoring=0 }
devices { use_devicesfile=0 obtain_device_list_from_udev=0 external_device_info_source="none" }
backup { backup=0 archive=0 }
"""
_INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
dmesg -n 1
ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
export DM_DISABLE_UDEV=1
while read -r line; do echo "@@ $line"; sh -c "$line" 2>&1; r=$?; echo; echo "@= $r"; done < /commands
poweroff -f
"""
_ANSWER = re.compile(r"^@@ (.*?)\n(.*?)^@= (\d+)$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Said:
    """What became of a command."""

    command: str
    output: str
    returncode: int


def missing() -> str:
    """Return why there can be no such guest; nothing where there can."""
    for program in ("lvm", "cryptsetup", "qemu-nbd", "qemu-system-x86_64", "modprobe", "dpkg-deb"):
        if shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin") is None:
            return f"{program} is not installed"
    return "" if _kernels(demo_image()) else "the demo image has no kernel of Debian"


def run_in_guest(
    commands: Sequence[str], directory: Path, files: Mapping[str, bytes], *, port: int
) -> Sequence[Said]:
    """Run shell commands on a machine with ``files``, and an empty disk of 1 GiB, /dev/vda.

    ``port`` of the loopback here leads to PORT there.
    """
    image = demo_image()
    root = _root(directory / "root", image)
    (root / "commands").write_text("".join(f"{line}\n" for line in commands))
    for name, content in files.items():
        (root / name).write_bytes(content)
    archive = directory / "initrd"
    process.run(
        "sh",
        "-c",
        f"find . | bin/busybox cpio -o -H newc | gzip -1 > {archive}",
        cwd=root,
        timeout=300,
    )
    disk = directory / "disk"
    disk.touch()
    with disk.open("r+b") as file:
        file.truncate(1 << 30)
    console = process.run(
        "qemu-system-x86_64", "-accel", "tcg", "-machine", "pc", "-m", "384", "-nodefaults",
        "-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", str(image / "vmlinuz"),
        "-initrd", str(archive), "-append", "console=ttyS0 quiet panic=-1 mitigations=off",
        "-drive", f"file={disk},format=raw,if=virtio,cache=unsafe",
        "-netdev", f"user,id=n,restrict=on,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:{PORT}",
        "-device", "virtio-net-pci,netdev=n,romfile=", timeout=600,
    ).text.replace("\r", "")  # fmt: skip
    return [Said(line, output, int(code)) for line, output, code in _ANSWER.findall(console)]


def _kernels(image: Path) -> Sequence[Path]:
    return sorted((image / ".packages").glob("linux-image-*.deb"))


def _root(root: Path, image: Path) -> Path:
    for name in ("bin", "modules", "proc", "sys", "dev", "etc/lvm", "run", "tmp"):
        (root / name).mkdir(parents=True, exist_ok=True)
    packages = root.with_name("packages")
    for deb in (*_kernels(image)[-1:], *(image / ".packages").glob("busybox-static_*.deb")):
        process.run("dpkg-deb", "-x", str(deb), str(packages))
    shutil.copy(packages / "bin/busybox", root / "bin/busybox")
    _add_modules(root, packages)
    _add_lvm(root)
    (root / "etc/lvm/lvm.conf").write_text(_CONFIG)
    (root / "init").write_text(_INIT)
    (root / "init").chmod(0o755)
    return root


def _add_modules(root: Path, packages: Path) -> None:
    (kernel,) = (packages / "lib/modules").iterdir()
    process.run("/sbin/depmod", "-b", str(packages), kernel.name)
    order: list[str] = []
    for name in _MODULES:
        said = process.run(
            "/sbin/modprobe", "-d", str(packages), "-S", kernel.name, "--show-depends", name
        )
        order += [line.split()[1] for line in said.text.splitlines() if line.startswith("insmod")]
    for path in map(Path, dict.fromkeys(order)):
        shutil.copy(path, root / "modules" / path.name)
    (root / "modules/order").write_text("\n".join(Path(path).name for path in dict.fromkeys(order)))


def _add_lvm(root: Path) -> None:
    for program in _PROGRAMS:
        shutil.copy(program, root / "bin" / Path(program).name)
    for command in _COMMANDS:
        (root / "bin" / command).symlink_to("lvm")
    needed = process.run("ldd", *_PROGRAMS).text
    for found in set(re.findall(r"(/\S+\.so\S*)", needed)):
        target = root / found.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(found).resolve(), target)
