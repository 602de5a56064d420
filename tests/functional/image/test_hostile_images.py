"""The attack corpus over HTTP: refused to the last file, and nothing of it stays."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from cloudweb import process
from image.exceptions import ImageRefused
from image.manager import ImageManager
from image.models import Image
from tests.builders.hostile_images import HOSTILE
from tests.builders.identity import ApiClient, client_with, make_project
from tests.builders.images import caller, make_image
from tests.builders.sound_images import SOUND

pytestmark = pytest.mark.django_db
BINARY = "application/octet-stream"
MIB = 1024**2


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    settings.IMAGE_STORE = tmp_path / "images"
    return tmp_path / "images"


@pytest.fixture
def member() -> ApiClient:
    return client_with("member", project=make_project())


def uploaded(client: ApiClient, data: bytes, **body: str) -> tuple[Any, dict[str, Any]]:
    """The answer to the upload, and the image after it."""
    created = client.send("POST", "/image/v2/images", body)
    assert created.status_code == 201, created.content
    path = f"/image{created.json()['self']}"
    answer = client.put(f"{path}/file", data, content_type=BINARY, CONTENT_TYPE=BINARY)
    return answer, client.get(path).json()


def files(store: Path) -> list[Path]:
    return [path for path in store.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused(
    member: ApiClient, store: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_tool(*command: str, **_: Any) -> Any:
        pytest.fail(f"a tool was started: {command}")

    for function in ("run", "start_detached", "start_child", "start_watched"):
        monkeypatch.setattr(process, function, no_tool)
    case = HOSTILE[name]
    answer, image = uploaded(
        member,
        case.make(),
        name="holiday.qcow2",  # what a file is called says nothing
        disk_format=case.disk_format,
        container_format=case.container,
    )
    if name.startswith("empty "):  # no data is no upload: the record stays as it is
        assert answer.status_code == 204, answer.content
    else:
        assert answer.status_code == 415, answer.content
        error = answer.json()["error"]
        assert (error["code"], case.reason in error["message"]) == (415, True)
    assert (image["status"], image["size"], image["checksum"]) == ("queued", None, None)
    assert image["virtual_size"] is None
    assert files(store) == []


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_one_is_taken(member: ApiClient, store: Path, name: str) -> None:
    case = SOUND[name]
    data = case.make()
    answer, image = uploaded(
        member, data, disk_format=case.disk_format, container_format=case.container
    )
    assert answer.status_code == 204, answer.content
    assert (image["status"], image["size"]) == ("active", len(data))
    assert image["virtual_size"] == (case.virtual_size or len(data))
    assert [path.read_bytes() for path in files(store)] == [data]


@pytest.mark.parametrize(
    ("disk_format", "options"),
    [
        ("raw", ("raw",)),
        ("qcow2", ("qcow2",)),
        ("qcow2", ("qcow2", "-c")),
        ("qcow2", ("qcow2", "-o", "compat=0.10")),
        ("qcow2", ("qcow2", "-c", "-o", "compression_type=zstd,cluster_size=2M")),
        ("qcow2", ("qcow2", "-o", "cluster_size=512")),
        ("qcow2", ("qcow2", "-o", "preallocation=metadata")),
        ("vmdk", ("vmdk",)),
        ("vmdk", ("vmdk", "-o", "subformat=streamOptimized")),
        ("vdi", ("vdi",)),
        ("vdi", ("vdi", "-o", "static=on")),
        ("vhd", ("vpc",)),
        ("vhd", ("vpc", "-o", "subformat=fixed")),
        ("vhdx", ("vhdx",)),
        ("vhdx", ("vhdx", "-o", "subformat=fixed,block_size=2M")),
    ],
)
def test_what_tools_make_is_taken(
    member: ApiClient, tmp_path: Path, disk_format: str, options: tuple[str, ...]
) -> None:
    raw, made = tmp_path / "raw", tmp_path / "made"
    raw.write_bytes((bytes(range(256)) * 4096 + bytes(MIB)) * 4)
    process.run("qemu-img", "convert", "-f", "raw", "-O", *options, str(raw), str(made))
    answer, image = uploaded(
        member, made.read_bytes(), disk_format=disk_format, container_format="bare"
    )
    assert answer.status_code == 204, answer.content
    # a VHD's size comes in cylinders
    assert 8 * MIB <= image["virtual_size"] < 8 * MIB + 65536


def test_an_iso_of_a_tool_is_taken(member: ApiClient, tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.mkdir()
    (content / "boot.img").write_bytes(bytes(2048))
    made = tmp_path / "made.iso"
    process.run(
        "genisoimage", "-quiet", "-R", "-J", "-b", "boot.img", "-no-emul-boot", "-boot-load-size",
        "4", "-o", str(made), str(content),
    )  # fmt: skip
    answer, image = uploaded(member, made.read_bytes(), disk_format="iso", container_format="bare")
    assert answer.status_code == 204, answer.content
    assert image["virtual_size"] == made.stat().st_size


def test_a_refused_image_takes_a_better_file(store: Path) -> None:
    image = make_image(disk_format="vmdk")
    manager = ImageManager(caller())
    for name in ("vmdk: parent", "vmdk: sparse with two extents", "qcow2 declared as vmdk"):
        with pytest.raises(ImageRefused):
            manager.upload(image.id, io.BytesIO(HOSTILE[name].make()))
    manager.upload(image.id, io.BytesIO(SOUND["vmdk"].make()))
    assert Image.objects.get(id=image.id).status == "active"
    assert len(files(store)) == 1
