"""Tags of cards and disks: the guest finds its devices by them, and the API shows them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from cloudweb.context import RequestContext
from compute.objects import GuestSpec
from instances.manager.guest_metadata import GuestMetadataManager
from network.models import Port
from tests.builders.instances import lab
from tests.builders.networks import make_network, make_subnet

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "openstack/latest/meta_data.json"


def test_a_guest_finds_its_devices_by_their_tags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lab(tmp_path) as home:
        driver, spawned = home.guests["h1"], list[GuestSpec]()
        spawn = driver.spawn

        def noted(spec: GuestSpec, **more: Any) -> Any:
            spawned.append(spec)
            return spawn(spec, **more)

        monkeypatch.setattr(driver, "spawn", noted)
        other = make_network(home.context, name="other")
        make_subnet(other)
        server_id = home.create(
            networks=[
                {"uuid": str(home.network.id)},
                {"uuid": str(other.id), "tag": "storage"},
            ],
            block_device_mapping_v2=[
                {
                    "boot_index": 0,
                    "uuid": str(home.image.id),
                    "source_type": "image",
                    "destination_type": "local",
                    "tag": "system",
                }
            ],
            config_drive=True,
        )
        port = Port.objects.get(network=other, device_id=server_id)
        document = GuestMetadataManager(RequestContext.system()).document(
            host="h1",
            network_id=str(other.id),
            address=port.addresses.get().ip_address,
            path=PATH,
        )
        assert document is not None
        assert (drive := spawned[0].config_drive) is not None
        place = {"bus": "none", "address": "none"}
        devices = [
            {"type": "nic", "mac": port.mac_address, "tags": ["storage"], **place},
            {"type": "disk", "path": "/dev/vda", "tags": ["system"], **place},
        ]
        assert json.loads(document)["devices"] == devices
        assert json.loads(base64.b64decode(drive.files[PATH]))["devices"] == devices

        def tags(version: str) -> list[object]:
            found = home.client.send(
                "GET",
                f"/compute/v2.1/servers/{server_id}/os-interface",
                OpenStack_API_Version=f"compute {version}",
            ).json()["interfaceAttachments"]
            return [one.get("tag", ...) for one in found]

        assert (tags("2.70"), tags("2.69")) == ([None, "storage"], [..., ...])
