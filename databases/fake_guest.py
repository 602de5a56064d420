"""A guest without a server: what the agent of a cloud on fake drivers would answer.

It holds databases, users and settings as a datastore does, refuses what that refuses, and keeps
nothing else. Every method is as idempotent as the real one. One that is ``off`` answers nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.objects import VersionedObject
from databases import objects, rpc
from databases.mail import payload_of
from databases.mailbox.certificates import LIFE, certificate_for
from databases.models import ConfigurationParameter, FakeGuest, Letter, LogArchive
from databases.moments import place
from databases.states import LetterState

State = dict[str, Any]
PORTS = {"postgresql": 5432, "mariadb": 3306}
#: Of whatever a fake guest sends.
CHECKSUM = "0" * 64


class Refused(Exception):
    """The datastore has nothing of that name, or will not; the argument is what a tenant reads."""


def answer(letter: Letter) -> None:
    """Do what a letter says and write down what came of it; call inside ``atomic()``."""
    FakeGuest.objects.get_or_create(instance=letter.instance, defaults={"state": empty()})
    guest = locked(FakeGuest.objects.filter(instance=letter.instance)).get()
    if guest.state.get("off"):
        return
    _catch_up(guest)
    try:
        said = _METHODS[letter.method](guest.state, payload_of(letter), letter)
    except Refused as error:
        letter.error = {"code": "not_found", "public": str(error), "detail": ""}
    else:
        letter.answer = None if said is None else said.dump()
        guest.save()
    letter.state, letter.answered_at = LetterState.ANSWERED, now()
    letter.save()


def _catch_up(guest: FakeGuest) -> None:
    """Have what its source has, where it follows one."""
    if not guest.state["writable"]:
        source = FakeGuest.objects.filter(instance__replicas=guest.instance_id).first()
        if source is not None:
            guest.state |= {name: source.state[name] for name in ("databases", "users", "root")}


def send_log(archive: LogArchive) -> None:
    """Send what a guest that keeps its log would have sent by now."""
    guest = FakeGuest.objects.filter(instance_id=archive.instance_id).first()
    begun = guest.state.get("log") if guest else ""
    if not begun:
        return
    last = archive.pieces.order_by("-number").first()
    archive.pieces.create(
        number=last.number + 1 if last else 1,
        run="fa4e",
        begins=last.ends if last else place(begun),
        ends=place(position()),
        until=now(),
        size=1 << 10,
        draw="fake",
        checksum=CHECKSUM,
    )


def position() -> str:
    """Return how far a datastore is that writes all the time."""
    moment = now()
    return f"{int(moment.timestamp()):X}/{moment.microsecond:X}"


def empty() -> State:
    """Return the state of a guest that was told nothing yet."""
    return {
        "databases": {},
        "users": {},
        "settings": {},
        "root": False,
        "size": 0,
        "writable": True,
    }


def is_writer(guest: FakeGuest) -> bool:
    """Tell whether a client could write to it now."""
    state = guest.state
    return bool(state["writable"]) and not (state.get("off") or state.get("held"))


def switch(instance_id: UUID, *, off: bool) -> None:
    """Let a guest be off, or boot: one that took writes and asks first is held back then."""
    with transaction.atomic():
        guest = locked(FakeGuest.objects.filter(instance_id=instance_id)).first()
        if guest is not None and guest.state.get("off", False) != off:
            guest.state["off"] = off
            asks = guest.state.get("asks_first") and guest.state["writable"]
            guest.state["held"] = bool(asks and not off)
            guest.save()


def renew(instance_id: UUID) -> None:
    """Let a guest have a new disk: what is on its volume stays, what it was told is forgotten."""
    guest = locked(FakeGuest.objects.filter(instance_id=instance_id)).get()
    for name in ("asks_first", "held", "log", "epoch", "running", "certificate", "tls_until"):
        guest.state.pop(name, None)
    guest.state["settings"] = {}
    guest.save()


def _prepare(state: State, wanted: objects.PrepareDatastore, letter: Letter) -> VersionedObject:
    for part in wanted.restore.chain if wanted.restore else ():
        if part.checksum not in ("", CHECKSUM):
            raise Refused("The backup is damaged.")
    state["version"] = wanted.version
    state["settings"] = {one.name: one.value for one in wanted.parameters}
    _secure(state, letter)
    if wanted.keeps_data:
        return objects.Prepared(version=wanted.version, port=PORTS[wanted.datastore])
    state["root"] = bool(wanted.root_password)
    state["writable"] = wanted.replica_of is None
    _create_databases(state, objects.CreateDatabases(databases=wanted.databases), letter)
    _create_users(state, objects.CreateUsers(users=wanted.users), letter)
    return objects.Prepared(version=wanted.version, port=PORTS[wanted.datastore])


def _secure(state: State, letter: Letter) -> None:
    """Have a certificate for a key of its own, and another one before its time is over."""
    if state.get("tls_until", 0) < (now() + LIFE / 3).timestamp():
        key = ec.generate_private_key(ec.SECP256R1())
        given = certificate_for(letter.instance, key.public_key())
        state["certificate"], state["tls_until"] = given.certificate, given.until


def _restart(state: State, _: objects.NoArguments, letter: Letter) -> VersionedObject:
    _secure(state, letter)
    state["running"], state["held"] = True, False
    return objects.Applied()


def _stop(state: State, _: objects.NoArguments, _letter: Letter) -> None:
    state["running"] = False


def _create_databases(state: State, wanted: objects.CreateDatabases, _letter: Letter) -> None:
    for one in wanted.databases:
        said = {"character_set": one.character_set, "collate": one.collate}
        state["databases"].setdefault(one.name, said)


def _list_databases(state: State, asked: objects.PageRequest, _letter: Letter) -> VersionedObject:
    names, more = _page(sorted(state["databases"]), asked)
    found = tuple(objects.Database(name=name, **state["databases"][name]) for name in names)
    return objects.DatabaseList(databases=found, next_marker=more)


def _page(keys: list[str], asked: objects.PageRequest) -> tuple[list[str], str]:
    after = [
        key for key in keys if key > asked.marker or (asked.include_marker and key == asked.marker)
    ]
    page = after[: asked.limit]
    return page, page[-1] if len(after) > len(page) else ""


def _delete_database(state: State, said: objects.DatabaseName, _letter: Letter) -> None:
    if state["databases"].pop(said.name, None) is None:
        raise Refused(f"Database {said.name} cannot be found.")
    for user in state["users"].values():
        user["databases"] = [one for one in user["databases"] if one != said.name]


def _key(name: str, host: str) -> str:
    return f"{name}@{host}"


def _create_users(state: State, wanted: objects.CreateUsers, _letter: Letter) -> None:
    for one in wanted.users:
        state["users"][_key(one.name, one.host)] = {
            "name": one.name,
            "host": one.host,
            "databases": sorted(one.databases),
        }


def _user(state: State, name: str, host: str) -> State:
    found: State | None = state["users"].get(_key(name, host))
    if found is None:
        raise Refused(f"User {name}@{host} cannot be found.")
    return found


def _list_users(state: State, asked: objects.PageRequest, _letter: Letter) -> VersionedObject:
    keys, more = _page(sorted(state["users"]), asked)
    return objects.UserList(
        users=tuple(objects.User(**state["users"][key]) for key in keys), next_marker=more
    )


def _get_user(state: State, asked: objects.UserName, _letter: Letter) -> VersionedObject:
    found = state["users"].get(_key(asked.name, asked.host))
    return objects.UserList(users=(objects.User(**found),) if found else ())


def _update_user(state: State, said: objects.UserChange, _letter: Letter) -> None:
    user = _user(state, said.name, said.host)
    del state["users"][_key(said.name, said.host)]
    user |= {"name": said.new_name or said.name, "host": said.new_host or said.host}
    state["users"][_key(user["name"], user["host"])] = user


def _delete_user(state: State, said: objects.UserName, _letter: Letter) -> None:
    _user(state, said.name, said.host)
    del state["users"][_key(said.name, said.host)]


def _list_access(state: State, asked: objects.UserName, _letter: Letter) -> VersionedObject:
    return objects.AccessList(databases=tuple(_user(state, asked.name, asked.host)["databases"]))


def _grant(state: State, said: objects.AccessRequest, _letter: Letter) -> None:
    user = _user(state, said.name, said.host)
    for name in said.databases:
        if name not in state["databases"]:
            raise Refused(f"Database {name} cannot be found.")
    user["databases"] = sorted({*user["databases"], *said.databases})


def _revoke(state: State, said: objects.AccessRequest, _letter: Letter) -> None:
    user = _user(state, said.name, said.host)
    if missing := {*said.databases} - {*user["databases"]}:
        raise Refused(f"User {said.name} has no access to {', '.join(sorted(missing))}.")
    user["databases"] = sorted({*user["databases"]} - {*said.databases})


def _enable_root(state: State, _: objects.RootPassword, _letter: Letter) -> None:
    state["root"] = True


def _disable_root(state: State, _: objects.NoArguments, _letter: Letter) -> None:
    state["root"] = False


def _is_root_enabled(state: State, _: objects.NoArguments, _letter: Letter) -> VersionedObject:
    return objects.RootState(enabled=state["root"])


def _apply(state: State, wanted: objects.Configuration, letter: Letter) -> VersionedObject:
    after = {one.name: one.value for one in wanted.parameters}
    before = state["settings"]
    changed = {name for name in {*after, *before} if after.get(name) != before.get(name)}
    state["settings"] = after
    rows = ConfigurationParameter.objects.filter(
        version=letter.instance.version, name__in=changed, restart_required=True
    )
    return objects.Applied(restart_required=tuple(sorted(rows.values_list("name", flat=True))))


def _grow(state: State, wanted: objects.VolumeSize, _: Letter) -> VersionedObject:
    state["size"] = wanted.size
    return objects.FilesystemSize(total=state["size"], used=0)


def _upgrade(state: State, wanted: objects.UpgradeRequest, letter: Letter) -> VersionedObject:
    state["version"] = wanted.version
    return objects.Prepared(version=wanted.version, port=PORTS[letter.instance.version.manager])


def _dump(_state: State, wanted: objects.DumpRequest, letter: Letter) -> VersionedObject:
    return objects.DumpMade(
        backup_id=wanted.backup_id,
        size=1 << 20,
        checksum=CHECKSUM,
        backup_type={"postgresql": "pg_basebackup", "mariadb": "mariabackup"}[
            letter.instance.version.manager
        ],
        position=position(),
    )


def _verify(_state: State, _: objects.NoArguments, letter: Letter) -> VersionedObject:
    programs = {"postgresql": "pg_amcheck", "mariadb": "mariadb-check"}
    return objects.Verified(program=programs[letter.instance.version.manager])


def _keep_log(state: State, told: objects.KeepLog, letter: Letter) -> VersionedObject:
    if letter.instance.version.manager != "postgresql":
        raise Refused("This datastore can go back to its backups alone.")
    state["log"] = position() if told.url else ""
    return objects.LogKept(position=state["log"])


def _log(_state: State, asked: objects.LogRequest, letter: Letter) -> VersionedObject:
    if asked.name != letter.instance.version.manager:
        raise Refused(f"Log {asked.name} cannot be found.")
    text = "The database system is ready to accept connections.\n"
    return objects.LogText(name=asked.name, size=len(text), text=text)


def _admit(state: State, said: objects.ReplicationAccess, letter: Letter) -> VersionedObject:
    held = set(state.get("slots", ()))
    if said.slots is not None:
        held &= {*said.slots}
    state["slots"] = sorted(held | {said.slot} if said.slot else held)
    return _point(state, objects.NoArguments(), letter)


def _guard(state: State, said: objects.Guard, _letter: Letter) -> None:
    state["asks_first"] = said.asks_first


def _promote(state: State, said: objects.PromoteRequest, letter: Letter) -> VersionedObject:
    _in_epoch(state, said.epoch)
    state["writable"] = True
    if said.asks_first is not None:
        state["asks_first"] = said.asks_first
    return _point(state, objects.NoArguments(), letter)


def _demote(state: State, said: objects.DemoteRequest, letter: Letter) -> VersionedObject:
    _in_epoch(state, said.epoch)
    state["writable"] = state["held"] = False
    return _point(state, objects.NoArguments(), letter)


def _in_epoch(state: State, epoch: int) -> None:
    if epoch < state.get("epoch", 0):
        raise Refused("A later failover has decided who takes writes.")
    state["epoch"] = epoch


def _point(state: State, _: objects.NoArguments, letter: Letter) -> VersionedObject:
    """Say how far it is, as its datastore would."""
    written = int(state.get("written", 0))
    is_maria = letter.instance.version.manager == "mariadb"
    position = f"0-1-{written}" if is_maria else f"0/{written:X}"
    return objects.ReplicationPoint(position=position, writable=state["writable"])


def _diagnostics(state: State, _: objects.NoArguments, _letter: Letter) -> VersionedObject:
    return objects.Diagnostics(agent_version="fake", datastore_version=state.get("version", ""))


_METHODS: dict[str, Callable[[State, Any, Letter], VersionedObject | None]] = {
    rpc.PREPARE.name: _prepare,
    rpc.RESTART.name: _restart,
    rpc.STOP.name: _stop,
    rpc.START.name: _restart,
    rpc.CREATE_DATABASES.name: _create_databases,
    rpc.LIST_DATABASES.name: _list_databases,
    rpc.DELETE_DATABASE.name: _delete_database,
    rpc.CREATE_USERS.name: _create_users,
    rpc.LIST_USERS.name: _list_users,
    rpc.GET_USER.name: _get_user,
    rpc.UPDATE_USER.name: _update_user,
    rpc.DELETE_USER.name: _delete_user,
    rpc.LIST_ACCESS.name: _list_access,
    rpc.GRANT.name: _grant,
    rpc.REVOKE.name: _revoke,
    rpc.ENABLE_ROOT.name: _enable_root,
    rpc.DISABLE_ROOT.name: _disable_root,
    rpc.IS_ROOT_ENABLED.name: _is_root_enabled,
    rpc.APPLY_CONFIGURATION.name: _apply,
    rpc.GROW_FILESYSTEM.name: _grow,
    rpc.UPGRADE.name: _upgrade,
    rpc.BACKUP.name: _dump,
    rpc.VERIFY.name: _verify,
    rpc.KEEP_LOG.name: _keep_log,
    rpc.PUBLISH_LOG.name: _log,
    rpc.TAIL_LOG.name: _log,
    rpc.ENABLE_REPLICATION.name: _admit,
    rpc.GUARD.name: _guard,
    rpc.REPLICATION_POINT.name: _point,
    rpc.PROMOTE.name: _promote,
    rpc.DEMOTE.name: _demote,
    rpc.DIAGNOSTICS.name: _diagnostics,
}
