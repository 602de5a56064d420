"""The real openstack command against groups of volumes and their snapshots; hosts are played by the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from identity.bootstrap import bootstrap
from operations.models import Hold, Operation
from tests.builders.openstack import Command
from tests.builders.volumes import make_pool
from volume.bootstrap import ensure_default_type
from volume.models import Group, GroupSnapshot, Pool, Snapshot, Volume

pytestmark = [pytest.mark.openstack, pytest.mark.django_db(transaction=True)]
NEWEST = ("--os-volume-api-version", "3.70")
ADMIN = {"cloud": "cloudweb-admin"}


@pytest.fixture
def openstack(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[Command]:
    """The command as a member of a project, for a cloud with one back end."""
    settings.PUBLIC_URL = live_server.url
    clouds = tmp_path / "clouds.yaml"
    bootstrap(admin_password="operator", demo_password="demo", clouds_file=clouds)
    ensure_default_type()
    make_pool("h1")
    return Command(clouds)


def done() -> None:
    """Let hosts have done what was asked for."""
    Volume.objects.update(status="available", pool=Pool.objects.get())
    Snapshot.objects.update(status="available", progress=100)
    GroupSnapshot.objects.update(status="available")
    Group.objects.update(status="available")
    Hold.objects.all().delete()
    Operation.objects.update(state="DONE")


def test_a_group_is_snapshotted_and_copied(openstack: Command) -> None:
    def say(*words: str, **how: str) -> str:
        return openstack.text(*NEWEST, "volume", *words, **how)

    def ask(*words: str) -> Any:
        return openstack.json(*NEWEST, "volume", *words)

    say("group", "type", "create", "kept", **ADMIN)
    say("group", "type", "set", "kept", "--property", "a=b", **ADMIN)
    assert ask("group", "type", "show", "kept")["Name"] == "kept"
    assert [one["Name"] for one in ask("group", "type", "list")] == ["kept"]
    group = ask("group", "create", "--volume-group-type", "kept",
                "--volume-type", "__DEFAULT__", "--name", "g1")  # fmt: skip
    for name in ("v1", "v2"):
        say("create", name, "--size", "1")
    done()
    say("group", "set", "g1", "--description", "of the shop")
    assert ask("group", "show", "g1")["Description"] == "of the shop"
    say("group", "add", "volume", "g1", "v1")
    say("group", "add", "volume", "g1", "v2")
    done()
    assert Volume.objects.filter(group=group["ID"]).count() == 2
    say("group", "remove", "volume", "g1", "v2")
    done()
    Volume.objects.update(group=group["ID"])
    taken = ask("group", "snapshot", "create", "g1", "--name", "s1")
    assert taken["Name"] == "s1"
    assert ask("group", "snapshot", "show", "s1")["Status"] == "creating"
    done()
    assert [one["Name"] for one in ask("group", "snapshot", "list")] == ["s1"]
    assert ask("group", "snapshot", "show", "s1")["Status"] == "available"
    for number, words in enumerate((("--group-snapshot", "s1"), ("--source-group", "g1"))):
        copy = ask("group", "create", *words, "--name", f"c{number}")
        assert (copy["Name"], copy["Status"]) == (f"c{number}", "creating")
        assert Volume.objects.filter(group=copy["ID"]).count() == 2
        done()
    assert "group snapshots" in openstack.refusal(*NEWEST, "volume", "group", "delete", "g1")
    say("group", "snapshot", "delete", "s1")
    assert GroupSnapshot.objects.get().status == "deleting"
    Snapshot.objects.all().delete()
    GroupSnapshot.objects.all().delete()
    done()
    say("group", "delete", "c0", "--force")
    assert sorted(one["Name"] for one in ask("group", "list")) == ["c1", "g1"]
    Volume.objects.all().delete()
    for name in ("c1", "g1"):
        say("group", "delete", name)
    Group.objects.all().delete()
    done()
    say("group", "type", "delete", "kept", **ADMIN)
    assert ask("group", "type", "list") == []
