"""A tenant's database on a real guest, from the order to its client's first row."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from openstack.connection import Connection

from cloudweb import process
from tests.builders.demo_image import demo_image
from tests.host.cloud.rooms import Room
from tests.infrastructure import postgresql_programs, wait_until

SERVES = 240.0  # a loaded machine without KVM
COMMAND_LINE = "root=LABEL=demoroot console=ttyS0 quiet mitigations=off"


def offer(admin: Connection, image: Path) -> list[str]:
    """Upload the image with the demo image's kernel and ramdisk; return the ids of all three."""
    boot = [
        _upload(admin, kind, demo_image() / name)
        for kind, name in (("aki", "vmlinuz"), ("ari", "initrd.img"))
    ]
    disk = _upload(
        admin, "qcow2", image, tags=["database"],
        kernel_id=boot[0], ramdisk_id=boot[1], os_command_line=COMMAND_LINE,
    )  # fmt: skip
    return [disk, *boot]


def _upload(admin: Connection, kind: str, path: Path, **facts: Any) -> str:
    container = "bare" if kind == "qcow2" else kind
    body = {"name": path.name, "disk_format": kind, "container_format": container, **facts}
    made = admin.image.post("/images", json={**body, "visibility": "public"})
    assert made.status_code == 201, made.text
    key = str(made.json()["id"])
    with path.open("rb") as data:
        sent = admin.image.put(
            f"/images/{key}/file", data=data, headers={"Content-Type": "application/octet-stream"}
        )
    assert sent.status_code == 204, sent.text
    return key


class TenantDatabase:
    """A PostgreSQL of a tenant, over the API and by its clients."""

    def __init__(self, room: Room) -> None:
        self.room, self.api = room, room.tenant.api.database
        began = time.monotonic()
        self.id = self._ask("post", "/instances", instance={
            "name": "shop", "flavorRef": room.tenant.api.compute.find_flavor("m1.tiny").id,
            "volume": {"size": 1}, "nics": [{"net-id": room.tenant.network.id}],
            "datastore": {"type": "postgresql", "version": "15"},
            "databases": [{"name": "orders"}],
            "users": [{"name": "clerk", "password": "correct-horse", "databases": [{"name": "orders"}]}],
        }).json()["instance"]["id"]  # fmt: skip
        self.rests("HEALTHY")
        self.took = time.monotonic() - began
        self.address = self.shown()["addresses"][0]["address"]

    def _ask(self, verb: str, path: str, **body: Any) -> Any:
        found = getattr(self.api, verb)(path, json=body) if body else getattr(self.api, verb)(path)
        assert found.status_code < 300, found.text
        return found

    def shown(self) -> dict[str, Any]:
        """Return it as its tenant sees it."""
        found: dict[str, Any] = self._ask("get", f"/instances/{self.id}").json()["instance"]
        return found

    def rests(self, status: str) -> None:
        """Wait until nothing is done to it; fail at once in ERROR."""

        def there() -> bool:
            found = self.shown()
            assert found["status"] != "ERROR", found
            return bool(found["status"] == "ACTIVE" and found["operating_status"] == status)

        wait_until(there, timeout=SERVES, what=f"the database is {status}")

    def act(self, **action: Any) -> None:
        """Order an action and wait until it is done."""
        self._ask("post", f"/instances/{self.id}/action", **action)
        self.rests("HEALTHY")

    def says(self, statement: str, *, room: Room | None = None) -> process.Completed:
        """Run SQL as its user, from the network of a tenant."""
        words = (
            "-X",
            "-A",
            "-t",
            "-q",
            "-h",
            self.address,
            "-U",
            "clerk",
            "-d",
            "orders",
            "-c",
            statement,
        )
        return process.run(
            *(room or self.room).enter, str(postgresql_programs() / "psql"), *words, check=False,
            env={"PGPASSWORD": "correct-horse", "PGCONNECT_TIMEOUT": "3"}, timeout=60,
        )  # fmt: skip

    def delete(self) -> None:
        """Delete it and wait until it is gone."""
        self._ask("delete", f"/instances/{self.id}")
        wait_until(
            lambda: self.api.get(f"/instances/{self.id}").status_code == 404,
            what="the database is gone",
        )
