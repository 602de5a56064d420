"""The real openstack command against volumes and what is made of them; hosts are played by the test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudweb.rpc import Order
from identity.bootstrap import bootstrap
from operations.models import Hold, Operation
from tests.builders.openstack import Command
from tests.builders.volumes import make_pool
from volume.bootstrap import ensure_default_type
from volume.models import Attachment, Backup, Pool, Snapshot, Volume
from volume.objects import Manageable, ManageableFound, ManageableRequest
from volume.resolution import GIB

pytestmark = [pytest.mark.openstack, pytest.mark.django_db(transaction=True)]
OLDEST, NEWEST = (("--os-volume-api-version", version) for version in ("3.0", "3.70"))


@pytest.fixture
def openstack(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[Command]:
    """The command as a member of a project, for a cloud with one back end."""
    settings.PUBLIC_URL = live_server.url
    clouds = tmp_path / "clouds.yaml"
    bootstrap(admin_password="operator", demo_password="demo", clouds_file=clouds)
    ensure_default_type()
    make_pool("h1")
    return Command(clouds)


def done(pool: Pool | None = None) -> None:
    """Let hosts have done what was asked for."""
    pool = pool or Pool.objects.get()
    Volume.objects.update(status="available", pool=pool, zone=pool.zone)
    Snapshot.objects.update(status="available", progress=100)
    Hold.objects.all().delete()
    Operation.objects.update(state="DONE")


@pytest.mark.parametrize("version", [OLDEST, NEWEST], ids=["oldest", "newest"])
def test_a_volume_s_life(openstack: Command, version: tuple[str, ...]) -> None:
    made = openstack.json(
        *version, "volume", "create", "v1", "--size", "1", "--description", "d", "--property", "k=v"
    )
    assert (made["status"], made["size"], made["type"]) == ("creating", 1, "__DEFAULT__")
    done()
    openstack.text(*version, "volume", "set", "v1", "--size", "2", "--property", "l=m")
    assert Volume.objects.get().wanted_size == 2
    done()
    Volume.objects.update(size=2, wanted_size=None)
    openstack.text(*version, "volume", "set", "v1", "--name", "v2", "--non-bootable", "--read-only")
    openstack.text(*version, "volume", "unset", "v2", "--property", "k")
    shown = openstack.json(*version, "volume", "show", "v2")
    assert shown["properties"] == {"l": "m", "readonly": "True"}
    (row,) = openstack.json(*version, "volume", "list", "--long", "--status", "available")
    assert (row["Name"], row["Size"], row["Properties"]) == (
        "v2",
        2,
        {"l": "m", "readonly": "True"},
    )
    assert "No Volume found" in openstack.refusal(*version, "volume", "show", "v1")
    made = openstack.json(*version, "volume", "snapshot", "create", "s1", "--volume", "v2")
    assert made["status"] == "creating"
    done()
    openstack.text(*version, "volume", "snapshot", "set", "s1", "--name", "s2", "--property", "a=b")
    openstack.text(*version, "volume", "snapshot", "unset", "s2", "--property", "a")
    assert openstack.json(*version, "volume", "snapshot", "show", "s2")["properties"] == {}
    (row,) = openstack.json(*version, "volume", "snapshot", "list", "--volume", "v2")
    assert (row["Name"], row["Size"], row["Status"]) == ("s2", 2, "available")
    assert "snapshots" in openstack.refusal(*version, "volume", "delete", "v2")
    copy = openstack.json(*version, "volume", "create", "copy", "--snapshot", "s2")
    assert copy["snapshot_id"] == str(Snapshot.objects.get().id)
    done()
    openstack.text(*version, "volume", "snapshot", "delete", "s2")
    Snapshot.objects.all().delete()
    done()
    openstack.text(*version, "volume", "delete", "copy")
    assert Volume.objects.get(name="copy").status == "deleting"


@pytest.mark.parametrize("version", [OLDEST, NEWEST], ids=["oldest", "newest"])
def test_a_volume_becomes_an_image(openstack: Command, version: tuple[str, ...]) -> None:
    openstack.text("volume", "create", "v1", "--size", "1")
    done()
    newer = ("--protected", "--shared") if version == NEWEST else ()
    made = openstack.json(
        *version, "image", "create", "--volume", "v1", "--disk-format", "qcow2", *newer, "i1"
    )
    assert (made["image_name"], made["status"], made["volume_type"]) == (
        "i1",
        "uploading",
        "__DEFAULT__",
    )
    (row,) = openstack.json("image", "list", "--long")
    assert (row["ID"], row["Name"], row["Status"]) == (made["image_id"], "i1", "queued")
    assert (row["Disk Format"], row["Visibility"], row["Protected"]) == (
        "qcow2",
        "shared" if version == NEWEST else "private",
        version == NEWEST,
    )


@pytest.mark.parametrize("version", [OLDEST, NEWEST], ids=["oldest", "newest"])
def test_a_volume_gets_another_type_and_another_place(
    openstack: Command, version: tuple[str, ...]
) -> None:
    there, admin = make_pool("h2").full_name, {"cloud": "cloudweb-admin"}
    openstack.text(*version, "volume", "create", "v1", "--size", "1")
    Pool.objects.exclude(host="h1").update(enabled=False)  # it lies on h1
    done(Pool.objects.get(host="h1"))
    key = str(Volume.objects.get().id)
    openstack.text("volume", "type", "create", "same", **admin)
    openstack.text(
        "volume", "type", "create", "far", "--property", "volume_backend_name=f", **admin
    )
    openstack.text(*version, "volume", "set", "v1", "--type", "same")
    assert openstack.json(*version, "volume", "show", "v1")["type"] == "same"
    far = ("--type", "far", "--retype-policy")
    assert "never" in openstack.refusal(*version, "volume", "set", "v1", *far, "never")
    openstack.text(*version, "volume", "set", "v1", *far, "on-demand")
    assert Volume.objects.get().status == "retyping"
    Volume.objects.update(migration_status="error")
    done(Pool.objects.get(host="h1"))
    migrate = ("volume", "migrate", "--host")
    assert "No pool" in openstack.refusal(*version, *migrate, "h9@file#default", key, **admin)
    openstack.text(*version, *migrate, there, "--lock-volume", key, **admin)
    assert openstack.json(*version, "volume", "show", "v1")["status"] == "maintenance"
    assert Volume.objects.get().migration_status == "starting"


@pytest.mark.parametrize("version", [OLDEST, NEWEST], ids=["oldest", "newest"])
def test_a_volume_is_backed_up_and_given_away(openstack: Command, version: tuple[str, ...]) -> None:
    def say(*words: str, **how: str) -> str:
        return openstack.text(*version, "volume", *words, **how)

    def ask(*words: str, **how: str) -> Any:
        return openstack.json(*version, "volume", *words, **how)

    say("create", "v1", "--size", "1")
    done()
    volume = Volume.objects.get()
    made = ask("backup", "create", "--name", "b1", "v1")
    backup = Backup.objects.get(id=made["id"])
    assert backup.status == "creating"
    done()
    Backup.objects.update(status="available", sha256="0" * 64, content="0" * 64)
    (row,) = ask("backup", "list", "--long", "--volume", "v1")
    assert (row["Name"], row["Status"]) == ("b1", "available")
    if version == NEWEST:
        say("backup", "set", "b1", "--description", "d", "--property", "k=v")
        say("backup", "unset", "b1", "--property", "k")
    assert ask("backup", "show", "b1")["description"] == ("d" if version == NEWEST else None)
    record = ask("backup", "record", "export", "b1", cloud="cloudweb-admin")
    assert record["backup_service"]
    say("backup", "restore", "--force", "b1", "v1")
    assert Volume.objects.get().status == "restoring-backup"
    done()
    Backup.objects.update(status="available")
    say("backup", "delete", "b1")
    Backup.objects.all().delete()
    done()
    offer = ask("transfer", "request", "create", "v1", "--name", "gift")
    assert [one["Name"] for one in ask("transfer", "request", "list")] == ["gift"]
    assert ask("transfer", "request", "show", "gift")["id"] == offer["id"]
    accept = ("transfer", "request", "accept", "--auth-key", offer["auth_key"], offer["id"])
    say(*accept, cloud="cloudweb")
    assert Volume.objects.get().project_id != volume.project_id
    again = ask("transfer", "request", "create", str(volume.id), cloud="cloudweb")
    say("transfer", "request", "delete", again["id"], cloud="cloudweb")
    assert Volume.objects.get().status == "available"


def test_what_only_newer_versions_have(openstack: Command) -> None:
    openstack.text("volume", "create", "v1", "--size", "3")
    done()
    sums = openstack.json(*NEWEST, "volume", "summary")
    assert (sums["Total Count"], sums["Total Size"]) == (1, 3)
    openstack.text(*NEWEST, "volume", "snapshot", "create", "s1", "--volume", "v1")
    done()
    openstack.text(*NEWEST, "volume", "revert", "s1")
    assert Volume.objects.get().status == "reverting"
    done()
    volume = Volume.objects.get()
    server = str(uuid.uuid4())
    row = Attachment.objects.create(
        volume=volume, project_id=volume.project_id, instance_id=server, status="attaching"
    )
    (listed,) = openstack.json(*NEWEST, "volume", "attachment", "list")
    assert (listed["ID"], listed["Server ID"]) == (str(row.id), server)
    connect = ("--host", "h9", "--ip", "10.0.0.9", "--initiator", "iqn.2026-01.org.example:h9")
    shown = openstack.json(*NEWEST, "volume", "attachment", "set", str(row.id), *connect)
    assert (shown["ID"], shown["Volume ID"]) == (str(row.id), str(volume.id))
    assert Operation.objects.filter(state="READY").get().args["host"] == "h9"  # it is exported
    done()
    openstack.text(*NEWEST, "volume", "attachment", "complete", str(row.id))
    shown = openstack.json(*NEWEST, "volume", "attachment", "show", str(row.id))
    assert (shown["Status"], shown["Volume ID"]) == ("attached", str(volume.id))
    openstack.text(*NEWEST, "volume", "attachment", "delete", str(row.id))
    assert Attachment.objects.get().status == "detaching"
    Attachment.objects.all().delete()
    done()
    admin = {"cloud": "cloudweb-admin"}
    openstack.text("volume", "set", "--state", "error", str(volume.id), **admin)
    assert [
        one["Status"] for one in openstack.json("volume", "list", "--all-projects", **admin)
    ] == ["error"]
    openstack.text("volume", "delete", "--force", str(volume.id), **admin)
    assert Volume.objects.get().status == "deleting"


def test_what_others_left_is_listed_managed_and_left_again(
    openstack: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = (
        Manageable(name="shop.qcow2", size=5 * GIB, format="qcow2"),
        Manageable(name="link.raw", size=GIB, problem="It is no file itself."),
    )

    def ask(order: Order, **_: Any) -> dict[str, Any]:
        asked = order.payload
        assert isinstance(asked, ManageableRequest)
        nightly = Manageable(name="nightly", size=GIB, volume_id=asked.volume_id or "x")
        found = (nightly,) if asked.snapshots else theirs
        named = tuple(one for one in found if asked.name in ("", one.name))
        return ManageableFound(found=named).dump()

    monkeypatch.setattr("volume.manager.manageable.ask", ask)
    admin = {"cloud": "cloudweb-admin"}
    here, source = "h1@file#default", ("--remote-source", "source-name=shop.qcow2")
    manageable = ("block", "storage", "volume", "manageable", "list", here)
    rows = openstack.json(*NEWEST, *manageable, "--long", **admin)
    assert [(one["size"], one["safe_to_manage"], one["reason_not_safe"]) for one in rows] == [
        (5, True, None),
        (1, False, "It is no file itself."),
    ]
    (row,) = openstack.json(*NEWEST, *manageable, "--offset", "1", "--sort", "size", **admin)
    assert row["reference"] == {"source-name": "link.raw"}
    made = openstack.json(
        *NEWEST, "volume", "create", "--host", here, *source, "--bootable", "shop", **admin
    )
    assert (made["status"], made["size"], made["name"]) == ("creating", 5, "shop")
    assert Operation.objects.get().args["name"] == "shop.qcow2"
    done()
    (row,) = openstack.json(
        *NEWEST, "block", "storage", "snapshot", "manageable", "list", here, **admin
    )
    assert row["reference"] == {"source-name": "nightly"}
    remote = ("--remote-source", "source-name=nightly")
    openstack.text(
        *NEWEST, "volume", "snapshot", "create", "--volume", "shop", *remote, "s1", **admin
    )
    done()
    openstack.text(*NEWEST, "volume", "snapshot", "delete", "--remote", "s1", **admin)
    assert Snapshot.objects.get().status == "unmanaging"
    Snapshot.objects.all().delete()
    done()
    openstack.text(*NEWEST, "volume", "delete", "--remote", "shop", **admin)
    assert Volume.objects.get().status == "unmanaging"
