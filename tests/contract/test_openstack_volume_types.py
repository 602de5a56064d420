"""The real openstack command against volume types, QoS specs, quotas, services and messages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudweb.database.clock import now
from identity.bootstrap import bootstrap
from identity.models import Project
from tests.builders.openstack import Command
from tests.builders.volumes import make_pool
from volume.bootstrap import ensure_default_type
from volume.models import Message, VolumeType

OLDEST, NEWEST = (("--os-volume-api-version", version) for version in ("3.0", "3.70"))
pytestmark = [pytest.mark.openstack, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def openstack(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[Command]:
    """The command as an operator, for a cloud with one back end."""
    settings.PUBLIC_URL = live_server.url
    clouds = tmp_path / "clouds.yaml"
    bootstrap(admin_password="operator", demo_password="demo", clouds_file=clouds)
    ensure_default_type()
    make_pool("h1")
    return Command(clouds)


@pytest.mark.parametrize("version", [OLDEST, NEWEST], ids=["oldest", "newest"])
def test_a_private_type_with_everything(openstack: Command, version: tuple[str, ...]) -> None:
    def say(*words: str) -> str:
        return openstack.text(*version, *words)

    def ask(*words: str, cloud: str = "") -> Any:
        return openstack.json(*version, *words, cloud=cloud)

    made = ask(
        "volume", "type", "create", "fast", "--description", "d", "--private", "--multiattach",
        "--property", "volume_backend_name=file", "--project", "demo",
    )  # fmt: skip
    assert made["properties"] == {"multiattach": "<is> True", "volume_backend_name": "file"}
    say(
        "volume", "type", "set", "fast", "--encryption-provider", "luks",
        "--encryption-control-location", "front-end", "--property", "capabilities:revert=<is> True",
    )  # fmt: skip
    say("volume", "type", "unset", "fast", "--property", "volume_backend_name")
    shown = ask("volume", "type", "show", "fast", "--encryption-type")
    assert shown["properties"] == {"multiattach": "<is> True", "capabilities:revert": "<is> True"}
    assert (
        "provider='luks'" in str(shown["encryption"]) or shown["encryption"]["provider"] == "luks"
    )
    names = {
        cloud: [row["Name"] for row in ask("volume", "type", "list", cloud=cloud)]
        for cloud in ("cloudweb", "cloudweb-admin")
    }
    assert {cloud: sorted(found) for cloud, found in names.items()} == {
        "cloudweb": ["__DEFAULT__", "fast"], "cloudweb-admin": ["__DEFAULT__", "fast"],
    }  # fmt: skip
    say("volume", "qos", "create", "gold", "--property", "total_iops_sec=9")
    say("volume", "qos", "associate", "gold", "fast")
    assert ask("volume", "qos", "show", "gold")["associations"] == ["fast"]
    say("volume", "qos", "set", "gold", "--property", "read_iops_sec=4")
    say("volume", "qos", "unset", "gold", "--property", "total_iops_sec")
    assert ask("volume", "qos", "list")[0]["Properties"] == {"read_iops_sec": "4"}
    say("volume", "qos", "disassociate", "gold", "--volume-type", "fast")
    say("volume", "qos", "delete", "gold")
    say("volume", "type", "delete", "fast")
    assert [row.name for row in VolumeType.objects.all()] == ["__DEFAULT__"]


@pytest.mark.parametrize("version", [OLDEST, NEWEST], ids=["oldest", "newest"])
def test_quotas_and_back_ends(openstack: Command, version: tuple[str, ...]) -> None:
    openstack.text("quota", "set", "--volumes", "5", "--volume-type", "__DEFAULT__", "demo")
    openstack.text("quota", "set", "--gigabytes", "50", "demo")
    rows = openstack.json("quota", "show", "--volume", "demo")
    limits = {row["Resource"]: row["Limit"] for row in rows}
    assert (limits["volumes"], limits["volumes___DEFAULT__"], limits["gigabytes"]) == (10, 5, 50)
    services = {row["Host"]: row for row in openstack.json(*version, "volume", "service", "list")}
    assert services["h1@file"]["State"] == "up"
    openstack.text(
        *version,
        "volume",
        "service",
        "set",
        "--disable",
        "--disable-reason",
        "x",
        "h1@file",
        "cinder-volume",
    )
    (service,) = openstack.json(
        *version, "volume", "service", "list", "--long", "--host", "h1@file"
    )
    assert (service["Status"], service["Disabled Reason"]) == ("disabled", "x")
    (pool,) = openstack.json(*version, "volume", "backend", "pool", "list")
    assert pool["Name"] == "h1@file#default"
    (zone,) = openstack.json(*version, "availability", "zone", "list", "--volume")
    assert zone["Zone Name"] == "nova"
    for word in ("--disable", "--enable"):  # new volumes are kept away, and are not
        openstack.text(*version, "volume", "host", "set", word, "h1@file")
    fail_over = ("volume", "host", "failover", "h1@file", "--volume-backend", "h2@file")
    assert "replicat" in openstack.refusal(*version, *fail_over)
    filters = ("block", "storage", "resource", "filter")
    if version == NEWEST:
        assert "volume" in {row["Resource"] for row in openstack.json(*NEWEST, *filters, "list")}
        assert "name" in openstack.json(*NEWEST, *filters, "show", "volume")["Filters"]
    able = openstack.json(*version, "volume", "backend", "capability", "show", "h1@file")
    assert "capabilities:snapshots" in {row["Key"] for row in able}


def test_messages_say_why(openstack: Command) -> None:
    why = Message.objects.create(
        project_id=Project.objects.get(name="admin").id, request_id="req-1", event_id="E",
        resource_type="VOLUME", text="No pool has room.", expires_at=now() + timedelta(days=1),
    )  # fmt: skip
    (row,) = openstack.json(*NEWEST, "volume", "message", "list")
    shown = openstack.json(*NEWEST, "volume", "message", "show", row["ID"])
    assert (shown["ID"], shown["User Message"]) == (str(why.id), "No pool has room.")
    openstack.text(*NEWEST, "volume", "message", "delete", row["ID"])
    assert openstack.json(*NEWEST, "volume", "message", "list") == []
