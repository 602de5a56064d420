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


def test_a_private_type_with_everything(openstack: Command) -> None:
    made = openstack.json(
        "volume", "type", "create", "fast", "--description", "d", "--private", "--multiattach",
        "--property", "volume_backend_name=file", "--project", "demo",
    )  # fmt: skip
    assert made["properties"] == {"multiattach": "<is> True", "volume_backend_name": "file"}
    openstack.text(
        "volume", "type", "set", "fast", "--encryption-provider", "luks",
        "--encryption-control-location", "front-end", "--property", "capabilities:revert=<is> True",
    )  # fmt: skip
    openstack.text("volume", "type", "unset", "fast", "--property", "volume_backend_name")
    shown = openstack.json("volume", "type", "show", "fast", "--encryption-type")
    assert shown["properties"] == {"multiattach": "<is> True", "capabilities:revert": "<is> True"}
    assert (
        "provider='luks'" in str(shown["encryption"]) or shown["encryption"]["provider"] == "luks"
    )
    names = {
        cloud: [row["Name"] for row in openstack.json("volume", "type", "list", cloud=cloud)]
        for cloud in ("cloudweb", "cloudweb-admin")
    }
    assert {cloud: sorted(found) for cloud, found in names.items()} == {
        "cloudweb": ["__DEFAULT__", "fast"], "cloudweb-admin": ["__DEFAULT__", "fast"],
    }  # fmt: skip
    openstack.text("volume", "qos", "create", "gold", "--property", "total_iops_sec=9")
    openstack.text("volume", "qos", "associate", "gold", "fast")
    assert openstack.json("volume", "qos", "show", "gold")["associations"] == ["fast"]
    openstack.text("volume", "qos", "set", "gold", "--property", "read_iops_sec=4")
    openstack.text("volume", "qos", "unset", "gold", "--property", "total_iops_sec")
    assert openstack.json("volume", "qos", "list")[0]["Properties"] == {"read_iops_sec": "4"}
    openstack.text("volume", "qos", "disassociate", "gold", "--volume-type", "fast")
    openstack.text("volume", "qos", "delete", "gold")
    openstack.text("volume", "type", "delete", "fast")
    assert [row.name for row in VolumeType.objects.all()] == ["__DEFAULT__"]


def test_quotas_and_back_ends(openstack: Command) -> None:
    openstack.text("quota", "set", "--volumes", "5", "--volume-type", "__DEFAULT__", "demo")
    openstack.text("quota", "set", "--gigabytes", "50", "demo")
    rows = openstack.json("quota", "show", "--volume", "demo")
    limits = {row["Resource"]: row["Limit"] for row in rows}
    assert (limits["volumes"], limits["volumes___DEFAULT__"], limits["gigabytes"]) == (10, 5, 50)
    services = {row["Host"]: row for row in openstack.json("volume", "service", "list")}
    assert services["h1@file"]["State"] == "up"
    openstack.text(
        "volume", "service", "set", "--disable", "--disable-reason", "x", "h1@file", "cinder-volume"
    )
    (service,) = openstack.json("volume", "service", "list", "--long", "--host", "h1@file")
    assert (service["Status"], service["Disabled Reason"]) == ("disabled", "x")
    (pool,) = openstack.json("volume", "backend", "pool", "list")
    assert pool["Name"] == "h1@file#default"
    (zone,) = openstack.json("availability", "zone", "list", "--volume")
    assert zone["Zone Name"] == "nova"
    newest = ("--os-volume-api-version", "3.70")
    why = Message.objects.create(
        project_id=Project.objects.get(name="admin").id, request_id="req-1", event_id="E",
        resource_type="VOLUME", text="No pool has room.", expires_at=now() + timedelta(days=1),
    )  # fmt: skip
    (row,) = openstack.json(*newest, "volume", "message", "list")
    shown = openstack.json(*newest, "volume", "message", "show", row["ID"])
    assert (shown["ID"], shown["User Message"]) == (str(why.id), "No pool has room.")
    openstack.text(*newest, "volume", "message", "delete", row["ID"])
    assert openstack.json(*newest, "volume", "message", "list") == []
