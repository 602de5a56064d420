"""The real ``openstack database …`` commands of python-troveclient, which asks in JSON, against fake guests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_started

from databases.models import DatabaseInstance
from identity.bootstrap import bootstrap
from identity.models import User
from tests.builders.databases import make_datastores, make_fake_guest, make_instance
from tests.builders.openstack import Command

pytestmark = [pytest.mark.openstack, pytest.mark.django_db(transaction=True)]
DEMO = {"cloud": "cloudweb"}


@pytest.fixture
def openstack(
    live_server: Any, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Command]:
    """The command, for a cloud that offers databases."""
    monkeypatch.setattr("databases.conf.GUESTS", "fake")
    settings.PUBLIC_URL = live_server.url
    clouds = tmp_path / "clouds.yaml"
    bootstrap(admin_password="operator", demo_password="demo", clouds_file=clouds)
    command = Command(clouds)
    request_started.connect(command.record)
    yield command
    request_started.disconnect(command.record)


def test_the_commands_as_they_are(openstack: Command) -> None:
    make_datastores()
    instance = make_instance(User.objects.get(name="demo"))
    make_fake_guest(instance)
    key = str(instance.id)

    def json(*words: str) -> Any:
        return openstack.json(*words, **DEMO)

    def text(*words: str) -> str:
        return openstack.text(*words, **DEMO)

    assert {one["Name"] for one in json("datastore", "list")} == {"postgresql", "mariadb"}
    assert json("datastore", "version", "show", "15", "--datastore", "postgresql")["name"] == "15"
    found = json(
        "database", "configuration", "parameter", "list", "15", "--datastore", "postgresql"
    )
    assert "work_mem" in {one["Name"] for one in found}
    assert json("database", "flavor", "list") == []
    (listed,) = json("database", "instance", "list")
    assert (listed["Name"], listed["Status"], listed["Operating Status"]) == (
        "db1", "ACTIVE", "HEALTHY",
    )  # fmt: skip
    assert json("database", "instance", "show", key)["datastore_version"] == "15"
    text("database", "instance", "update", key, "--name", "db2")
    text("database", "db", "create", key, "d2")
    assert {one["Name"] for one in json("database", "db", "list", key)} == {"d1", "d2"}
    text("database", "user", "create", key, "u2", "a long password", "--databases", "d2")
    text("database", "user", "grant", "access", key, "u2", "d1")
    assert json("database", "user", "show", key, "u2")["name"] == "u2"
    text("database", "user", "delete", key, "u2")
    text("database", "db", "delete", key, "d2")
    assert json("database", "root", "enable", key)["name"] == "postgres"
    made = json(
        "database", "configuration", "create", "c1", '{"work_mem": 128}',
        "--datastore", "postgresql", "--datastore-version", "15",
    )  # fmt: skip
    assert made["name"] == "c1"
    made = json("database", "backup", "create", "b1", "--instance", key)
    assert made["status"] == "NEW"
    assert [one["Name"] for one in json("database", "backup", "list")] == ["b1"]
    refused = openstack.refusal("database", "instance", "restart", key, **DEMO)
    assert "is not currently available for an action to be performed" in refused
    assert "max_instances" in text("database", "limit", "list")
    assert json("database", "cluster", "list") == []
    assert DatabaseInstance.objects.get().name == "db2"
