"""Does KVM work here? Only a kernel that boots under it proves it.

Nested and restricted virtualization may offer /dev/kvm, pass every check of libvirt and run firmware,
and still hang every real guest. So a real kernel is booted with a ramdisk of one program, which prints
a word and ends the machine.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
import struct
import tempfile
from pathlib import Path

import structlog

from cloudweb import process
from cloudweb.records import read_record

log = structlog.get_logger(__name__)

EMULATOR = "qemu-system-x86_64"
WORD = b"cloudweb-kvm-works\n"
TIMEOUT = 8.0
DEVICE = Path("/dev/kvm")


def kvm_works(state_dir: Path, kernel: Path | None = None) -> bool:
    """Return what the probe says, from memory if this boot's QEMU and kernel were probed before."""
    if not (DEVICE.exists() and os.access(DEVICE, os.R_OK | os.W_OK)):
        return False
    if kernel is None or not os.access(kernel, os.R_OK):
        kernel = find_kernel()
    if kernel is None or shutil.which(EMULATOR) is None:
        log.warning(
            "KVM is there but could not be tried; guests will be emulated, which is slow",
            hint="give the driver a kernel to boot (/boot/vmlinuz-*)",
        )
        return False
    key = _key(kernel)
    cache = state_dir / "kvm-probe.json"
    known = read_record(cache, lambda kept: {"key": kept["key"], "works": bool(kept["works"])})
    if known is None or known["key"] != key:
        known = {"key": key, "works": boots(kernel, accelerator="kvm", cpu="host")}
        cache.write_text(json.dumps(known))
        log.info("KVM was tried", works=known["works"])
    return bool(known["works"])


def find_kernel() -> Path | None:
    """Return a readable kernel of this machine, the running one first."""
    boot = Path("/boot")
    others = sorted(boot.glob("vmlinuz-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in (boot / f"vmlinuz-{platform.release()}", *others):
        if path.exists() and os.access(path, os.R_OK):
            return path
    return None


def boots(kernel: Path, *, accelerator: str, cpu: str, timeout: float = TIMEOUT) -> bool:
    """Boot the kernel with the one-program ramdisk and tell whether the word came."""
    with tempfile.TemporaryDirectory(prefix="cloudweb-probe-") as scratch:
        ramdisk, output = Path(scratch) / "initrd", Path(scratch) / "serial"
        ramdisk.write_bytes(initramfs())
        try:
            process.run(
                *(EMULATOR, "-accel", accelerator, "-machine", "q35", "-cpu", cpu, "-m", "128"),
                *("-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{output}"),
                *("-kernel", os.fspath(kernel), "-initrd", os.fspath(ramdisk)),
                *("-append", "console=ttyS0 quiet panic=-1"),
                timeout=timeout,
            )
        except process.CommandFailed as error:
            log.info("the probe's machine ended badly", detail=error.detail)
        return output.exists() and WORD.strip() in output.read_bytes()


def initramfs() -> bytes:
    """Return a ramdisk whose /init prints the word and restarts the machine."""
    entries = (
        ("dev", stat.S_IFDIR | 0o755, b"", (0, 0)),
        ("dev/console", stat.S_IFCHR | 0o600, b"", (5, 1)),
        ("init", stat.S_IFREG | 0o755, init_program(), (0, 0)),
        ("TRAILER!!!", 0, b"", (0, 0)),
    )
    return b"".join(_cpio(number, *entry) for number, entry in enumerate(entries, start=1))


def init_program() -> bytes:
    """Return the smallest ELF program that says the word: write, drain the line, reboot."""
    header_size, base = 64 + 56, 0x400000
    code_after_address = (
        b"\xba" + struct.pack("<I", len(WORD)) + b"\x0f\x05"  # mov edx, length; syscall
        b"\xb8\x10\x00\x00\x00\xbf\x01\x00\x00\x00"  # ioctl(1,
        b"\xbe\x09\x54\x00\x00\xba\x01\x00\x00\x00\x0f\x05"  # TCSBRK, 1): wait until it is out
        b"\xb8\xa9\x00\x00\x00\xbf\xad\xde\xe1\xfe\xbe\x69\x19\x12\x28"  # reboot(magic, magic2,
        b"\xba\x67\x45\x23\x01\x4d\x31\xd2\x0f\x05"  # RB_AUTOBOOT, 0)
        b"\xeb\xfe"  # wait for the end
    )
    # write(1, WORD, ...): mov eax, 1; mov edi, 1; mov esi, address
    prefix = b"\xb8\x01\x00\x00\x00\xbf\x01\x00\x00\x00\xbe"
    address = base + header_size + len(prefix) + 4 + len(code_after_address)
    code = prefix + struct.pack("<I", address) + code_after_address + WORD
    size = header_size + len(code)
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    elf = struct.pack(
        "<16sHHIQQQIHHHHHH",
        *(identity, 2, 62, 1, base + header_size, 64, 0, 0, 64, 56, 1, 0, 0, 0),
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return elf + segment + code


def _cpio(number: int, name: str, mode: int, data: bytes, device: tuple[int, int]) -> bytes:
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def _key(kernel: Path) -> str:
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    version = process.run(EMULATOR, "--version").text.splitlines()[0]
    status = kernel.stat()
    return f"{boot_id} {version} {kernel} {status.st_size} {status.st_mtime_ns}"
