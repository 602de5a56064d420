"""The KVM probe: nothing but a kernel that spoke counts, and it is asked once a boot."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from compute.drivers.libvirt import probe


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "kvm"
    path.touch()
    monkeypatch.setattr(probe, "DEVICE", path)
    monkeypatch.setattr(probe.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(probe, "_key", lambda kernel: "this boot")
    return path


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    path = tmp_path / "vmlinuz"
    path.touch()
    return path


def test_the_device_alone_proves_nothing(
    device: Path, kernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boots: list[str] = []

    def boot(path: Path, *, accelerator: str, cpu: str) -> bool:
        boots.append(accelerator)
        return False

    monkeypatch.setattr(probe, "boots", boot)
    for _ in range(2):
        assert not probe.kvm_works(tmp_path, kernel)
    assert boots == ["kvm"]
    monkeypatch.setattr(probe, "_key", lambda path: "another boot")
    monkeypatch.setattr(probe, "boots", lambda path, **options: True)
    assert probe.kvm_works(tmp_path, kernel)


def test_without_device_or_kernel_there_is_no_kvm(
    device: Path, kernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "boots", lambda path, **options: True)
    monkeypatch.setattr(probe, "find_kernel", lambda: None)
    assert not probe.kvm_works(tmp_path, tmp_path / "missing")
    device.unlink()
    assert not probe.kvm_works(tmp_path, kernel)


def test_a_torn_cache_is_asked_again(
    device: Path, kernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kvm-probe.json").write_text('{"key": "this b')
    monkeypatch.setattr(probe, "boots", lambda path, **options: True)
    assert probe.kvm_works(tmp_path, kernel)


def test_the_program_is_one_segment_that_holds_the_word() -> None:
    program = probe.init_program()
    assert program[:4] == b"\x7fELF"
    entry, offset = struct.unpack_from("<QQ", program, 24)
    assert (entry, offset) == (0x400000 + 120, 64)
    size = struct.unpack_from("<Q", program, 64 + 32)[0]
    assert size == len(program)
    (address,) = struct.unpack_from("<I", program, 120 + 11)
    assert program[address - 0x400000 :] == probe.WORD


def test_the_ramdisk_is_aligned_and_ends() -> None:
    ramdisk = probe.initramfs()
    assert len(ramdisk) % 4 == 0
    assert ramdisk.count(b"070701") == 4
    assert b"TRAILER!!!" in ramdisk
