"""The config drive holds what it is told, and nothing leads out of it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from cloudweb import process
from cloudweb.driver import DriverError
from compute.drivers.libvirt import config_drive
from compute.objects import ConfigDrive

pytestmark = pytest.mark.skipif(
    config_drive.find_tool() is None, reason="needs genisoimage or xorriso"
)


def drive(files: dict[str, bytes]) -> ConfigDrive:
    return ConfigDrive(
        files={path: base64.b64encode(content).decode() for path, content in files.items()}
    )


def test_label_and_content(tmp_path: Path) -> None:
    target = tmp_path / "drive.iso"
    content = {
        "openstack/latest/meta_data.json": b'{"uuid": "x"}',
        "openstack/latest/user_data": bytes(range(256)),
    }
    config_drive.build(drive(content), target)
    image = target.read_bytes()
    assert image[32808:32840].decode().strip() == "config-2"
    for data in content.values():
        assert data in image
    assert [path.name for path in tmp_path.iterdir()] == ["drive.iso"]


@pytest.mark.parametrize("path", ["../evil", "/etc/passwd", "a/../../evil", "", "a\0b"])
def test_a_path_out_of_the_drive_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(DriverError):
        config_drive.build(drive({path: b"x"}), tmp_path / "drive.iso")
    assert list(tmp_path.iterdir()) == []


def test_broken_content_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DriverError):
        config_drive.build(ConfigDrive(files={"a": "not base64!"}), tmp_path / "drive.iso")


def test_without_the_program_the_operator_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_drive, "TOOLS", ())
    with pytest.raises(DriverError) as caught:
        config_drive.build(drive({"a": b""}), tmp_path / "drive.iso")
    assert not isinstance(caught.value, process.CommandFailed)
    assert "genisoimage" in caught.value.detail
