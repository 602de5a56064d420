"""A database's guest whose root is hostile: what it tries, and what is to be found in what it can read.

Root comes in by the shell of the image's console. The attempts run inside, in Python, with the agent's own
modules, so that what is refused is refused to a guest that speaks as well as the agent does.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import sqlite3
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

from openstack.connection import Connection

from cloudweb import process
from tests.builders.guest_console import GuestConsole
from tests.host.cloud.conftest import Machine
from tests.host.cloud.databases import TenantDatabase, process_of, server_of

AGENT = "/var/lib/cloudweb-guest/agent.pyz"
TRIES = Path(__file__).with_name("hostile_tries.py")
PIECE = 64 << 20
#: A line of a file of keys.
_WORD = re.compile(rb"[A-Za-z0-9+/=_]{40,}")


class HostileGuest:
    """One database's guest as its root, and as its host, see it."""

    def __init__(self, machine: Machine, admin: Connection, database: TenantDatabase) -> None:
        self._guests = machine.host_directory / "compute" / "guests"
        server = server_of(admin, database)
        self.server_id = server.id
        (data,) = (one["id"] for one in server.attached_volumes)
        (volume,) = (machine.host_directory / "volume").rglob(f"*{data}*.qcow2")
        self.disks = (self._guests / server.id / "root.qcow2", volume)

    @property
    def console(self) -> GuestConsole:
        """Return a root shell in it."""
        (path,) = Path("/run/cloudweb").rglob(f"consoles/{self.server_id}.sock")
        return GuestConsole(path)

    def memory(self) -> Iterable[bytes]:
        """Yield what the guest has in its memory, piece by piece."""
        pid = process_of(self.server_id, self._guests)
        lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
        spans = [tuple(int(edge, 16) for edge in line.split()[0].split("-")) for line in lines]
        start, end = max(spans, key=lambda span: span[1] - span[0])
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            while start < end:
                memory.seek(start)
                yield memory.read(min(PIECE, end - start))
                start += PIECE - 4096  # what lies across the edge of two pieces is in the next one

    def disk(self) -> Iterable[bytes]:
        """Yield what was written to its disks; the image itself is the same for all."""
        for path in self.disks:
            with path.open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece
                    if len(piece) == PIECE:
                        file.seek(-4096, 1)

    def secrets(self) -> dict[str, bytes]:
        """Return what it holds: the key it enrolled to and the token it came by, as its disk has them."""
        found = {}
        for piece in self.disk():
            for name in ("key", "token"):
                for word in re.findall(rb'"%s": "([A-Za-z0-9_-]{40,})"' % name.encode(), piece):
                    found[name] = word
        assert {*found} == {"key", "token"}
        return found

    def tries(self, **facts: Any) -> dict[str, str]:
        """Return how each attempt ended."""
        with self.console as shell:
            for name, data in (
                ("facts", json.dumps(facts).encode()),
                ("tries", TRIES.read_bytes()),
            ):
                text = base64.b64encode(zlib.compress(data, 9)).decode()
                for place in range(0, len(text), 900):  # a line has room for so much
                    shell.run(f"echo {text[place : place + 900]} >>/tmp/{name}.packed")
                shell.run(
                    f"python3 -SE -c 'import base64, zlib; print(zlib.decompress(base64.b64decode("
                    f'open("/tmp/{name}.packed").read())).decode())\' >/tmp/{name}'
                )
            said = shell.run(f"PYTHONPATH={AGENT} python3 -S /tmp/tries")
        (answer,) = re.findall(r"TRIED (\{.*\})", said)
        found: dict[str, str] = json.loads(answer)
        return found


def letter_of(machine: Machine, database: TenantDatabase) -> str:
    """Return the id of a letter that a database's guest was sent, which no tenant sees."""
    where = f"file:{machine.var / 'cloudweb.sqlite3'}?mode=ro"
    with contextlib.closing(sqlite3.connect(where, uri=True)) as rows:
        (key,) = rows.execute(
            "SELECT id FROM databases_letter WHERE replace(instance_id, '-', '') = ?",
            (database.id.replace("-", ""),),
        ).fetchone()
    return str(UUID(key))


def secrets_of_the_house(machine: Machine) -> dict[str, bytes]:
    """Return every secret in the files of control plane and host, by where it is."""
    found = {}
    folders = (machine.var / "secrets", machine.host_directory / "credentials")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    for path in files:
        data = path.read_bytes().strip()
        if path.suffix == ".pub":
            continue
        if b"\n" not in data:
            found[path.name] = data
        for number, line in enumerate(data.splitlines()):
            if _WORD.fullmatch(line):
                found[f"{path.name}:{number}"] = line
    assert len(found) >= 4
    return found


def held(pieces: Iterable[bytes], secrets: dict[str, bytes]) -> set[str]:
    """Return the names of those secrets that are in what is read."""
    found = set()
    for piece in pieces:
        found |= {name for name, word in secrets.items() if name not in found and word in piece}
    return found


class Hostility:
    """A guest against another one, against the control plane, and against its host."""

    def __init__(
        self, machine: Machine, admin: Connection, *, victim: TenantDatabase, guest: TenantDatabase
    ) -> None:
        self._machine, self._admin, self._victim = machine, admin, victim
        self._guest = HostileGuest(machine, admin, guest)
        self._other = HostileGuest(machine, admin, victim)
        self.others_secrets = self._other.secrets()

    def finds_no_way(self, backup: str) -> None:
        """Everything that it tries is refused, and what was said as a guest is recorded."""
        others = [word.decode() for word in self._other.secrets().values()]
        tried = self._guest.tries(
            other=self._victim.id,
            token=self.others_secrets["token"].decode(),
            letter=letter_of(self._machine, self._victim),
            backup=backup,
            paths=["/identity/v3", "/database/v1.0/x/instances", "/compute/v2.1/servers", "/metadata/openstack",
                   "/openstack/database/../../../identity/v3"],
            hosts=["169.254.169.254", "10.77.0.1", *addresses_of_the_host()],
            ports=[22, 5432, 6379, 16509, 16514, int(self._machine.settings["METADATA_PORT"]),
                   int(self._machine.settings["LISTEN"].rpartition(":")[2])],
        )  # fmt: skip
        assert tried.pop("its own word") == "200"
        assert tried.pop("reached") == ""
        assert not {name: end for name, end in tried.items() if not end.startswith("4")}, tried
        kept = {record["action"] for record in self._records()}
        kinds = ("mailbox", "heartbeat", "renew", "result", "enrol")
        assert kept >= {f"database:guests:{kind}" for kind in kinds}, (kept, tried)
        assert not any(word in json.dumps(self._records()) for word in others)

    def _records(self) -> list[dict[str, Any]]:
        """Return what the audit log has of what its server tried."""
        assert self._machine.cloud is not None
        found = self._admin.session.get(
            f"{self._machine.cloud.url}/audit/v1/records",
            params={"all_projects": "true", "action": "database:guests:", "limit": "1000"},
        )
        records: list[dict[str, Any]] = found.json()["records"]
        return [one for one in records if self._guest.server_id in one["user"]["name"]]

    def finds_no_secret(self) -> None:
        """Its disks and its memory hold its own key, so they are read, and no other; to be asked before it tries."""
        own = self._guest.secrets()
        foreign = secrets_of_the_house(self._machine) | {
            f"another's {name}": word for name, word in self.others_secrets.items()
        }
        for place in (self._guest.disk(), self._guest.memory()):
            found = held(place, foreign | own)
            assert "key" in found
            assert not found & {*foreign}, found


def addresses_of_the_host() -> list[str]:
    """Return the addresses by which a host is known to others."""
    links = json.loads(process.run("ip", "-j", "-4", "address", "show", "scope", "global").stdout)
    return [one["local"] for link in links for one in link["addr_info"]][:4]
