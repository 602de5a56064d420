"""The real openstack command and raw HTTP against a live server: images as clients really send them."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from benchmarks.processes import name_of, tree
from cloudweb.process import CommandFailed
from tests.builders import disks
from tests.infrastructure import Cloud, wait_until

pytestmark = pytest.mark.openstack
BINARY = "application/octet-stream"
MIB = 1024**2


@pytest.fixture(scope="module")
def token(cloud: Cloud) -> str:
    return cloud.openstack("token", "issue", "-f", "value", "-c", "id").strip()


@pytest.fixture
def api(cloud: Cloud, token: str) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{cloud.url}/image", headers={"X-Auth-Token": token}, timeout=120
    ) as client:
        yield client


def shown(cloud: Cloud, *words: str) -> Any:
    return json.loads(cloud.openstack(*words, "-f", "json"))


def recorded(api: httpx.Client, **body: Any) -> str:
    wanted = {"name": "raw", "disk_format": "raw", "container_format": "bare", **body}
    return str(api.post("/v2/images", json=wanted).raise_for_status().json()["id"])


def stored(cloud: Cloud) -> set[str]:
    return {path.name for path in (cloud.var / "images").rglob("*") if path.is_file()}


def test_the_life_of_an_image(cloud: Cloud, tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    disk.write_bytes(disks.qcow2(clusters=[os.urandom(1000)]))
    made = shown(
        cloud, "image", "create", "--file", str(disk), "--disk-format", "qcow2",
        "--container-format", "bare", "--min-ram", "96", "--tag", "tiny",
        "--property", "hw_disk_bus=virtio", "my disk",
    )  # fmt: skip
    assert made["status"] == "active"
    assert made["size"] == disk.stat().st_size
    assert made["properties"]["hw_disk_bus"] == "virtio"
    assert made["properties"]["os_hash_value"] == hashlib.sha512(disk.read_bytes()).hexdigest()
    listed = shown(cloud, "image", "list", "--long")
    assert [image["Name"] for image in listed if image["ID"] == made["id"]] == ["my disk"]
    assert shown(cloud, "image", "list", "--name", "my disk")[0]["ID"] == made["id"]
    assert shown(cloud, "image", "list", "--tag", "nothing") == []
    cloud.openstack(
        "image", "set", "--name", "renamed", "--property", "colour=red", "--min-disk", "1",
        "--tag", "extra", "--protected", "my disk",
    )  # fmt: skip
    cloud.openstack("image", "unset", "--property", "hw_disk_bus", "--tag", "tiny", "renamed")
    after = shown(cloud, "image", "show", "renamed")
    assert (after["min_disk"], after["protected"], after["tags"]) == (1, True, ["extra"])
    assert after["properties"]["colour"] == "red"
    assert "hw_disk_bus" not in after["properties"]
    saved = tmp_path / "saved"
    cloud.openstack("image", "save", "--file", str(saved), "renamed")
    assert saved.read_bytes() == disk.read_bytes()
    with pytest.raises(CommandFailed) as refused:
        cloud.openstack("image", "delete", "renamed")
    assert "protected" in refused.value.output
    cloud.openstack("image", "set", "--unprotected", "renamed")
    cloud.openstack("image", "delete", "renamed")
    with pytest.raises(CommandFailed) as missing:
        cloud.openstack("image", "show", "renamed")
    assert "No Image found for renamed" in missing.value.output
    assert not any(name.startswith(made["id"]) for name in stored(cloud))


def test_the_command_says_why_a_disk_was_refused(cloud: Cloud, tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    disk.write_bytes(disks.qcow2(backing=b"/etc/shadow"))
    with pytest.raises(CommandFailed) as refused:
        cloud.openstack("image", "create", "--file", str(disk), "--disk-format", "qcow2", "hostile")
    assert "backing file" in refused.value.output


def test_only_operators_publish(cloud: Cloud) -> None:
    with pytest.raises(CommandFailed) as refused:
        cloud.openstack("image", "create", "--public", "mine")
    assert "403" in refused.value.output
    made = shown_by_admin(cloud, "image", "create", "--public", "everyones")
    assert "everyones" in [image["Name"] for image in shown(cloud, "image", "list")]
    cloud.openstack("image", "delete", made["id"], cloud="cloudweb-admin")


def shown_by_admin(cloud: Cloud, *words: str) -> Any:
    return json.loads(cloud.openstack(*words, "-f", "json", cloud="cloudweb-admin"))


def test_a_chunked_upload_arrives(cloud: Cloud, api: httpx.Client) -> None:
    image_id, data = recorded(api), os.urandom(3 * MIB + 5)
    pieces = (data[start : start + 70_001] for start in range(0, len(data), 70_001))
    answer = api.put(
        f"/v2/images/{image_id}/file", content=pieces, headers={"Content-Type": BINARY}
    )
    assert (answer.status_code, answer.content) == (204, b"")
    got = api.get(f"/v2/images/{image_id}/file")
    assert got.content == data
    part = api.get(f"/v2/images/{image_id}/file", headers={"Range": "bytes=2000000-2000099"})
    assert (part.status_code, part.content) == (206, data[2_000_000:2_000_100])
    assert api.delete(f"/v2/images/{image_id}").status_code == 204


def test_a_refused_upload_is_answered_though_its_body_was_not_read(api: httpx.Client) -> None:
    image_id = recorded(api)
    path = f"/v2/images/{image_id}/file"
    assert api.put(path, content=bytes(8 * MIB), headers={"Content-Type": "x/y"}).status_code == 415
    hostile = disks.qcow2() + bytes(8 * MIB)
    answer = api.put(path, content=hostile, headers={"Content-Type": BINARY})
    assert answer.status_code == 415
    assert "qcow2" in answer.json()["error"]["message"]
    endless = (disks.qcow2() + bytes(MIB) for _ in range(40))
    answer = api.put(path, content=endless, headers={"Content-Type": BINARY})
    assert (answer.status_code, "qcow2" in answer.text) == (415, True)
    assert api.get(f"/v2/images/{image_id}").json()["status"] == "queued"
    api.delete(f"/v2/images/{image_id}")


@pytest.mark.parametrize("chunked", [True, False])
def test_an_upload_that_breaks_off_leaves_nothing(
    cloud: Cloud, api: httpx.Client, token: str, chunked: bool
) -> None:
    image_id = recorded(api)
    where = urlsplit(cloud.url)
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {4 * MIB}"
    with socket.create_connection((where.hostname, where.port), timeout=10) as client:
        client.sendall(
            f"PUT /image/v2/images/{image_id}/file HTTP/1.1\r\nHost: {where.netloc}\r\n"
            f"X-Auth-Token: {token}\r\nContent-Type: {BINARY}\r\n{framing}\r\n\r\n".encode()
        )
        client.sendall((b"10000\r\n" if chunked else b"") + bytes(65536))
        wait_until(lambda: status(api, image_id) == "saving", what="the upload runs")
    wait_until(lambda: status(api, image_id) == "queued", what="the upload ended")
    wait_until(
        lambda: not any(name.startswith(image_id) for name in stored(cloud)),
        timeout=5,
        what="the store is clean",
    )
    api.delete(f"/v2/images/{image_id}")


def status(api: httpx.Client, image_id: str) -> str:
    return str(api.get(f"/v2/images/{image_id}").json()["status"])


def test_the_servers_memory_does_not_grow_with_the_image(cloud: Cloud, api: httpx.Client) -> None:
    image_id, server = recorded(api), api_process(cloud)
    status(api, image_id)
    (Path(f"/proc/{server}/clear_refs")).write_text("5")  # the high-water mark begins anew
    before = high_water(server)
    pieces = (bytes(MIB) for _ in range(256))
    headers = {"Content-Type": BINARY, "Content-Length": str(256 * MIB)}
    answer = api.put(f"/v2/images/{image_id}/file", content=pieces, headers=headers)
    assert answer.status_code == 204
    received = 0
    with api.stream("GET", f"/v2/images/{image_id}/file") as stream:
        for chunk in stream.iter_raw():
            received += len(chunk)
    assert received == 256 * MIB
    assert high_water(server) - before < 32 * MIB
    api.delete(f"/v2/images/{image_id}")


def api_process(cloud: Cloud) -> int:
    """Return the process that serves HTTP."""
    (found,) = [pid for pid in tree(cloud.pid) if name_of(pid) == "api"]
    return found


def high_water(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise LookupError(f"no VmHWM for {pid}")


def test_stores_and_ways_to_import_are_told(cloud: Cloud, api: httpx.Client) -> None:
    assert [one["id"] for one in api.get("/v2/info/stores").json()["stores"]] == ["default"]
    listed = shown(cloud, "image", "stores", "list")
    assert [one["id"] if "id" in one else one["ID"] for one in listed] == ["default"]
    detailed = shown_by_admin(cloud, "image", "stores", "list", "--detail")
    assert "data_dir" in json.dumps(detailed)
    told = json.dumps(shown(cloud, "image", "import", "info"))
    for method in ("glance-direct", "web-download", "copy-image"):
        assert method in told
    answer = api.post("/v2/images", json={"name": "asked"})
    assert (
        answer.headers["OpenStack-image-import-methods"] == "glance-direct,web-download,copy-image"
    )
    assert answer.headers["OpenStack-image-store-ids"] == "default"
    api.delete(f"/v2/images/{answer.json()['id']}")


def imported(cloud: Cloud, name: str) -> Any:
    """Wait until an import has ended; return the image."""
    found: list[Any] = []

    def ended() -> bool:
        found[:] = [shown(cloud, "image", "show", name)]
        return found[0]["status"] in ("active", "queued")

    wait_until(ended, what="the import ends")
    return found[0]


def test_staged_data_is_imported(cloud: Cloud, api: httpx.Client, tmp_path: Path) -> None:
    disk = tmp_path / "disk.qcow2"
    disk.write_bytes(disks.qcow2(clusters=[os.urandom(1000)]))
    formats = ("--disk-format", "qcow2", "--container-format", "bare")
    image_id = recorded(api, name="staged", disk_format="qcow2")
    cloud.openstack("image", "stage", "--file", str(disk), "staged")
    assert shown(cloud, "image", "show", "staged")["status"] == "uploading"
    cloud.openstack("image", "import", "--method", "glance-direct", "staged")
    done = imported(cloud, "staged")
    assert (done["status"], done["size"]) == ("active", disk.stat().st_size)
    assert done["properties"]["stores"] == "default"
    assert done["properties"]["os_hash_value"] == hashlib.sha512(disk.read_bytes()).hexdigest()
    staging = cloud.var / "image-staging"
    assert [path for path in staging.rglob("*") if path.is_file()] == []
    cloud.openstack("image", "create", "--import", "--file", str(disk), *formats, "at once")
    assert imported(cloud, "at once")["status"] == "active"
    for name in ("staged", "at once"):
        cloud.openstack("image", "delete", name)
    assert not any(name.startswith(image_id) for name in stored(cloud))


def test_a_download_of_what_is_inside_is_refused(cloud: Cloud, api: httpx.Client) -> None:
    image_id = recorded(api, name="inside", disk_format="qcow2")
    wanted = {"method": {"name": "web-download", "uri": "http://127.0.0.1:22/"}}
    refused = api.post(f"/v2/images/{image_id}/import", json=wanted)
    assert refused.status_code == 400
    assert "The port must be 80 or 443" in refused.text
    cloud.openstack(
        "image", "import", "--method", "web-download", "--uri", "http://127.0.0.1/x", "inside"
    )
    assert imported(cloud, "inside")["status"] == "queued"
    cloud.openstack("image", "delete", image_id)
