"""A tenant's database on a real guest, from the order to its client's first row."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from openstack.connection import Connection

from cloudweb import process
from tests.builders.demo_image import demo_image
from tests.builders.libvirt_bench import qemu_pids_of
from tests.host.cloud.rooms import Room
from tests.infrastructure import postgresql_programs, wait_until

SERVES = 240.0  # a loaded machine without KVM
#: With a shell on the console, which is how a guest becomes a hostile one.
COMMAND_LINE = (
    "root=LABEL=demoroot console=ttyS0 quiet mitigations=off tsc=unstable random.trust_cpu=on "
    "database.shell"
)
VERSIONS = {"postgresql": "15", "mariadb": "10.11"}
PASSWORD = "correct-horse-battery"


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
    """A database of a tenant, over the API and by its clients."""

    def __init__(self, room: Room, datastore: str = "postgresql", **facts: Any) -> None:
        """Order one; with ``replica_of`` or ``restorePoint`` it has what that has."""
        self.room, self.api, self.datastore = room, room.tenant.api.database, datastore
        self._began, self.address, self.took = time.monotonic(), "", 0.0
        body: dict[str, Any] = {
            "name": "shop", "flavorRef": room.tenant.api.compute.find_flavor("m1.tiny").id,
            "volume": {"size": 1}, "nics": [{"net-id": room.tenant.network.id}],
        }  # fmt: skip
        if "replica_of" not in facts:
            body["datastore"] = {"type": datastore, "version": VERSIONS[datastore]}
        if not facts:
            body |= {
                "databases": [{"name": "orders"}],
                "users": [
                    {"name": "clerk", "password": PASSWORD, "databases": [{"name": "orders"}]}
                ],
            }
        self.id = self.ask("post", "/instances", instance=body | facts).json()["instance"]["id"]

    def serves(self) -> TenantDatabase:
        """Wait until it does."""
        self.rests("HEALTHY")
        self.took = time.monotonic() - self._began
        self.address = self.shown()["addresses"][0]["address"]
        return self

    def ask(self, verb: str, path: str, **body: Any) -> Any:
        """Return the API's answer, which is none of an error."""
        found = getattr(self.api, verb)(path, json=body) if body else getattr(self.api, verb)(path)
        assert found.status_code < 300, found.text
        return found

    def shown(self) -> dict[str, Any]:
        """Return it as its tenant sees it."""
        found: dict[str, Any] = self.ask("get", f"/instances/{self.id}").json()["instance"]
        return found

    def rests(self, status: str) -> None:
        """Wait until nothing is done to it; fail at once in ERROR."""

        def there() -> bool:
            found = self.shown()
            assert found["status"] != "ERROR", found
            rests = found["status"] in (
                "ACTIVE",
                status,
            )  # one that waits for a restart says so in both
            return bool(rests and found["operating_status"] == status)

        wait_until(there, timeout=SERVES, what=f"the database is {status}")

    def act(self, **action: Any) -> None:
        """Order an action and wait until it is done."""
        self.ask("post", f"/instances/{self.id}/action", **action)
        self.rests("HEALTHY")

    def change(self, status: str = "HEALTHY", **facts: Any) -> None:
        """Order another state of it and wait until it is so."""
        self.ask("put", f"/instances/{self.id}", instance=facts)
        self.rests(status)

    def back_up(self, **facts: Any) -> str:
        """Return the id of a backup that is whole."""
        made = self.ask("post", "/backups", backup={"name": "b", "instance": self.id, **facts})
        key = str(made.json()["backup"]["id"])

        def whole() -> bool:
            status = self.ask("get", f"/backups/{key}").json()["backup"]["status"]
            assert status not in ("FAILED", "ERROR")
            return bool(status == "COMPLETED")

        wait_until(whole, timeout=SERVES, what="the backup is whole")
        self.rests("HEALTHY")
        return key

    def says(
        self, statement: str, *, room: Room | None = None, password: str = PASSWORD,
        user: str = "clerk", authority: Path | None = None, is_bare: bool = False,
    ) -> process.Completed:  # fmt: skip
        """Run SQL as its user, from the network of a tenant.

        With an ``authority`` by TLS alone, and only if that knows it; ``is_bare``: without TLS. Nothing answers
        to another tenant's, so that is not waited for.
        """
        words: tuple[str, ...]
        patience = "3" if room else "30"
        tls = {"PGSSLMODE": "disable"} if is_bare else {}
        if authority:
            tls = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(authority)}
        if self.datastore == "postgresql":
            words = (
                str(postgresql_programs() / "psql"), "-X", "-A", "-t", "-q", "-h", self.address,
                "-U", user, "-d", "orders", "-c", statement,
            )  # fmt: skip
        else:
            words = (
                "mariadb", "--no-defaults", "-N", f"--connect-timeout={patience}", "-h", self.address,
                "-u", user, f"--password={password}", "orders", "-e", statement,
            )  # fmt: skip
            if authority:
                words = (*words, f"--ssl-ca={authority}", "--ssl-verify-server-cert")
            elif is_bare:
                words = (*words, "--skip-ssl")
        return process.run(
            *(room or self.room).enter, *words, check=False,
            env={"PGPASSWORD": password, "PGCONNECT_TIMEOUT": patience, **tls}, timeout=90,
        )  # fmt: skip

    def reads(self, statement: str, **how: Any) -> list[str]:
        """Run SQL that does not fail; return the words of its answer."""
        found = self.says(statement, **how)
        assert found.returncode == 0, found
        return found.text.split()

    def rows(self) -> list[str]:
        """Return what is in its table, nothing where it does not serve."""
        return self.says("SELECT a FROM t ORDER BY a").text.split()

    def takes(self, row: int) -> bool:
        """Tell whether it takes a row."""
        return self.says(f"INSERT INTO t VALUES ({row})").returncode == 0

    def delete(self) -> None:
        """Delete it and wait until it is gone."""
        self.ask("delete", f"/instances/{self.id}")
        wait_until(
            lambda: self.api.get(f"/instances/{self.id}").status_code == 404,
            what="the database is gone",
        )


def server_of(admin: Connection, one: TenantDatabase) -> Any:
    """Return the server of a database, which its tenant does not see."""
    name = f"database-{one.id}"
    (server,) = (found for found in admin.compute.servers(all_projects=True) if found.name == name)
    return server


def process_of(server_id: str, guests: Path) -> int:
    """Return the process of a guest."""
    (pid,) = (
        pid for pid in qemu_pids_of(guests) if server_id in Path(f"/proc/{pid}/cmdline").read_text()
    )
    return pid
