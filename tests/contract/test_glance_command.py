"""The glance command against a live server: the journeys of an image, and what it says of errors."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from tests.builders import disks
from tests.builders.glance import Glance
from tests.infrastructure import Cloud, wait_until

pytestmark = pytest.mark.openstack
ADMIN = "cloudweb-admin"
FORMATS = ("--disk-format", "raw", "--container-format", "bare")


@pytest.fixture
def glance(cloud: Cloud, tmp_path: Path) -> Glance:
    return Glance(cloud.clouds_yaml, tmp_path)


def test_the_life_of_an_image(glance: Glance, tmp_path: Path) -> None:
    disk, saved = tmp_path / "disk", tmp_path / "saved"
    disk.write_bytes(disks.qcow2(clusters=[os.urandom(1000)]))
    made = glance.shown(
        "image-create", "--name", "mine", "--disk-format", "qcow2", "--container-format", "bare",
        "--property", "hw_disk_bus=virtio", "--tag", "tiny", "--file", str(disk),
    )  # fmt: skip
    image = made["id"]
    assert (made["status"], made["size"]) == ("active", str(disk.stat().st_size))
    assert image in glance.text("image-list")
    changed = glance.shown(
        "image-update", image, "--name", "renamed", "--remove-property", "hw_disk_bus",
        "--property", "colour=red",
    )  # fmt: skip
    assert (changed["name"], changed["colour"]) == ("renamed", "red")
    assert "hw_disk_bus" not in changed
    glance.text("image-tag-update", image, "extra")
    glance.text("image-tag-delete", image, "tiny")
    assert glance.shown("image-show", image)["tags"] == '["extra"]'
    glance.text("image-download", image, "--file", str(saved))
    assert saved.read_bytes() == disk.read_bytes()
    glance.text("image-deactivate", image)
    assert glance.shown("image-show", image)["status"] == "deactivated"
    glance.text("image-reactivate", image)
    glance.text("image-delete", image)
    assert image not in glance.text("image-list")


def test_data_comes_after_the_record_or_by_the_staging_area(glance: Glance, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"any bytes " * 1000)
    uploaded, staged = (
        glance.shown("image-create", "--name", name, *FORMATS)["id"] for name in ("a", "b")
    )
    assert glance.shown("image-show", uploaded)["status"] == "queued"
    glance.text("image-upload", "--file", str(disk), uploaded)
    assert glance.shown("image-show", uploaded)["status"] == "active"
    glance.text("image-stage", "--file", str(disk), staged)
    assert glance.shown("image-show", staged)["status"] == "uploading"
    assert "web-download" in glance.text("import-info")
    glance.text("image-import", staged, "--import-method", "glance-direct")
    wait_until(
        lambda: glance.shown("image-show", staged)["status"] == "active",
        timeout=120,
        what="the import has ended",
    )
    assert "success" in glance.text("image-tasks", staged)
    tasks = glance.text("task-list").splitlines()  # others share this cloud
    listed = [line.split("|")[1].strip() for line in tasks if "api_image_import" in line]
    assert any("glance-direct" in glance.text("task-show", task) for task in listed)
    assert "default" in glance.text("stores-info")
    assert "image_size_total" in glance.text("usage")
    for image in (uploaded, staged):
        glance.text("image-delete", image)


def test_an_image_is_shared(cloud: Cloud, glance: Glance) -> None:
    image = glance.shown("image-create", "--name", "shared")["id"]
    project = cloud.openstack(
        "token", "issue", "-f", "value", "-c", "project_id", cloud=ADMIN
    ).strip()
    assert "pending" in glance.text("member-create", image, project)
    assert "accepted" in glance.text("member-update", image, project, "accepted", cloud=ADMIN)
    assert project in glance.text("member-list", "--image-id", image)
    glance.text("member-delete", image, project)
    assert project not in glance.text("member-list", "--image-id", image)
    glance.text("image-delete", image)


def test_metadata_definitions(glance: Glance) -> None:
    glance.text("md-namespace-create", "OS::Mine", "--visibility", "public", cloud=ADMIN)
    glance.text(
        "md-property-create", "OS::Mine", "--name", "bus", "--title", "Bus", "--type", "string",
        "--schema", "{}", cloud=ADMIN,
    )  # fmt: skip
    glance.text("md-tag-create", "OS::Mine", "--name", "fast", cloud=ADMIN)
    assert "Bus" in glance.text("md-property-list", "OS::Mine")
    assert "OS::Mine" in glance.text("md-namespace-list")
    glance.text("md-namespace-delete", "OS::Mine", cloud=ADMIN)


def test_it_says_what_is_wrong(cloud: Cloud, glance: Glance, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(disks.qcow2(backing=b"/etc/shadow"))
    image, missing = glance.shown("image-create", "--name", "mine", *FORMATS)["id"], uuid.uuid4()
    said = {
        "No image found with ID": glance.refusal("image-show", str(missing)),
        "You are not authorized": glance.refusal("image-update", image, "--visibility", "public"),
        "its content is qcow2": glance.refusal("image-upload", "--file", str(disk), image),
        "cannot be reactivated": glance.refusal("image-reactivate", image),
        "It is too long": glance.refusal("image-update", image, "--property", "p=" + "x" * 70_000),
        "Invalid OpenStack Identity credentials": glance.refusal(
            "--os-auth-token", "nonsense", "--os-image-url", f"{cloud.url}/image", "image-list"
        ),
    }
    assert [(words, text) for words, text in said.items() if words not in text] == []
    glance.text("image-delete", image)
