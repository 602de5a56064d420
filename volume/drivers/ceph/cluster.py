"""Ceph by processes: the command ``rbd`` for images, ``ask.py`` for what the monitors know.

Not the library in our own process: what hangs in it ends with its process after a time, and its Python
binding is one for the system's Python alone.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudweb import process
from cloudweb.conf import env
from cloudweb.driver import DiskFull, DriverError, TransientDriverError

#: Seconds until a cluster that does not answer is given up; until a short command is; until a long one is.
CONNECT, SHORT, LONG = 10, 60.0, 840.0
SILENT = "The storage cluster does not answer."
#: Where the monitors' binding is: Debian's and Ubuntu's own Python.
PYTHON, ASK = "/usr/bin/python3", Path(__file__).with_name("ask.py")
#: What a command ends with that was not done in its time.
_OUT_OF_TIME = 124
#: A command of the monitors, as they know it.
Command = Mapping[str, Any]


class Refused(DriverError):
    """Ceph refused a command; ``errno`` says why."""

    code = "ceph_refused"
    default_message = "The storage cluster refused this."

    def __init__(self, number: int, detail: str) -> None:
        self.errno = number
        super().__init__(detail=detail)


@contextmanager
def accepting(*numbers: int) -> Iterator[None]:
    """Take these refusals for what was wanted: it is there, or gone, already."""
    try:
        yield
    except Refused as error:
        if error.errno not in numbers:
            raise


@dataclass(frozen=True, slots=True)
class CephConfig:
    """Which cluster, as whom, and which of its pools."""

    conf: str
    user: str
    pools: tuple[str, ...]

    @classmethod
    def from_settings(cls, backend: str) -> CephConfig:
        """Read VOLUME_<BACKEND>_CONF, VOLUME_<BACKEND>_USER and VOLUME_<BACKEND>_POOLS."""
        name = f"VOLUME_{backend.upper()}"
        pools = env.list(f"{name}_POOLS", default=["volumes"])
        return cls(
            conf=env.str(f"{name}_CONF", default="/etc/ceph/ceph.conf"),
            user=env.str(f"{name}_USER", default="cloudweb"),
            pools=tuple(one.strip() for one in pools if one.strip()),
        )


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who has an image open, or holds its lock: an address that can be blocklisted."""

    address: str
    lock: tuple[str, str] | None = None  # the lock's id and its holder's name


class Cluster:
    """The commands; raises Refused, DiskFull, or TransientDriverError where nobody answers."""

    def __init__(self, config: CephConfig) -> None:
        self.config = config
        self.quorum: tuple[str, ...] = ()  # the monitors that are there, as far as we know
        self._as = ("--conf", config.conf, "--id", config.user)

    # Images

    def rbd(self, *words: str, timeout: float = SHORT) -> str:
        """Run ``rbd``; copies are linked to their snapshot without protecting it (clone v2)."""
        return self._run(
            "rbd", *self._as, "--client_mount_timeout", str(CONNECT),
            "--rbd_default_clone_format", "2", *words, timeout=timeout,
        )  # fmt: skip

    def read(self, *words: str) -> Any:
        """Return what ``rbd`` says in JSON; None for what is not there."""
        with accepting(errno.ENOENT):
            return json.loads(self.rbd(*words, "--format", "json"))
        return None

    def location(self, image: str) -> str:
        """Return how QEMU's tools name an image of ours."""
        conf = self.config.conf.replace("\\", "\\\\").replace(":", "\\:")
        return f"rbd:{image}:id={self.config.user}:conf={conf}"

    def node(self, image: str) -> Mapping[str, Any]:
        """Return an image of ours, or a snapshot of one, as a block device of QEMU's."""
        place, _, snapshot = image.partition("@")
        pool, _, name = place.partition("/")
        then = {"snapshot": snapshot} if snapshot else {}
        who = {"conf": self.config.conf, "user": self.config.user}
        return {"driver": "rbd", "pool": pool, "image": name, **then, **who}

    # Users

    def ensure_user(self, name: str, caps: Mapping[str, str]) -> str:
        """Let a user exist who may do this and no more; return its key. Raises Refused (EINVAL) for other caps."""
        said = [word for kind, text in caps.items() for word in (kind, text)]
        command = {"prefix": "auth get-or-create", "entity": f"client.{name}", "caps": said}
        ((found,),) = self.ask(command)
        return str(found["key"])

    def remove_user(self, name: str) -> Mapping[str, set[str]]:
        """Let nobody connect as this user from now on; return from where all users are connected."""
        return self.addresses({"prefix": "auth rm", "entity": f"client.{name}"})

    # Clients

    def addresses(self, *before: Command) -> Mapping[str, set[str]]:
        """Return from where users are connected, by their names, after some other commands."""
        try:
            return self._addresses(before, self.quorum)
        except (Refused, TransientDriverError):
            (found,) = self.ask({"prefix": "quorum_status"})
            if {*found["quorum_names"]} == {*self.quorum}:
                raise
            self.quorum = tuple(found["quorum_names"])  # one of the monitors is no more
            return self._addresses(before, self.quorum)

    def _addresses(
        self, before: Sequence[Command], monitors: Sequence[str]
    ) -> Mapping[str, set[str]]:
        if not monitors:
            raise Refused(errno.ENOENT, "no monitor is known")
        asked = [(name, {"prefix": "sessions"}) for name in monitors]
        found: dict[str, set[str]] = {}
        for sessions in self._ask([*(("", one) for one in before), *asked])[len(before) :]:
            for one in sessions:
                name = one["entity_name"].removeprefix("client.")
                found.setdefault(name, set()).update(
                    f"{where['addr']}/{where['nonce']}" for where in one["addrs"]["addrvec"]
                )
        return found

    def clients(self, image: str) -> Sequence[Client]:
        """Return who has an image open to write, or holds its lock although it may be dead."""
        locks = self.read("lock", "ls", image) or []
        found = [Client(one["address"], (one["id"], one["locker"])) for one in locks]
        watchers = (self.read("status", image) or {}).get("watchers", [])
        held = {one.address for one in found}
        return [*found, *(Client(one["address"]) for one in watchers if one["address"] not in held)]

    def blocklist(self, addresses: Mapping[str, int]) -> None:
        """Let the OSDs refuse what comes from these clients, from now on for so many seconds."""
        command: Command = {"prefix": "osd blocklist", "blocklistop": "add"}
        self.ask(*({**command, "addr": one, "expire": float(n)} for one, n in addresses.items()))

    def break_lock(self, image: str, client: Client) -> None:
        """Take the lock from a client that was blocklisted."""
        if client.lock is not None:
            with accepting(errno.ENOENT):
                self.rbd("lock", "rm", image, *client.lock)

    # The cluster itself

    def ask(self, *commands: Command) -> Sequence[Any]:
        """Let the monitors do commands, in turn; return what each answers. Raises Refused at the first."""
        return self._ask([("", one) for one in commands])

    def _ask(self, commands: Sequence[tuple[str, Command]]) -> Sequence[Any]:
        said = self._run(
            PYTHON, "-I", str(ASK), self.config.conf, self.config.user, str(CONNECT),
            data=json.dumps(commands).encode(),
        )  # fmt: skip
        found = []
        for (_, command), (refused, answer, words) in zip(commands, json.loads(said), strict=False):
            detail = f"{command['prefix']}: {refused} {words}"
            if refused == errno.ETIMEDOUT:
                raise TransientDriverError(SILENT, detail=detail)
            if refused:
                raise Refused(refused, detail)
            found.append(json.loads(answer) if answer.strip() else None)
        return found

    def _run(self, *command: str, data: bytes | None = None, timeout: float = SHORT) -> str:
        try:
            done = process.run(*command, data=data, timeout=timeout, check=False)
        except process.CommandFailed as error:
            if error.returncode != _OUT_OF_TIME:
                raise
            raise TransientDriverError(SILENT, detail=error.detail) from error
        if done.returncode == 0:
            return done.text
        said = done.stderr.decode(errors="replace").strip()[-2000:]
        detail = f"{' '.join(command)}: exit {done.returncode}: {said}"
        if done.returncode in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("The storage cluster is full.", detail=detail)
        if done.returncode in (errno.ETIMEDOUT, errno.ESHUTDOWN) or "timed out" in said:
            raise TransientDriverError(SILENT, detail=detail)
        raise Refused(done.returncode, detail)
