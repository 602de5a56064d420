"""What is inside a database: databases, users, what these may use, and root."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest
from cloudweb.listing import Page
from cloudweb.policy import policy
from databases import names, objects, rpc
from databases.asking import ask
from databases.exceptions import IsAReplica, NotInDatabase
from databases.manager.building import check_users
from databases.manager.lookup import InstanceLookups
from databases.models import DatabaseInstance
from databases.requests import NewDatabase, NewUser

#: What root is called.
ROOTS = {"postgresql": "postgres", "mariadb": "root"}
#: The logs of each datastore: Trove's name of it -> what guests call the file.
LOGS = {"postgresql": {"general": "postgresql"}, "mariadb": {"error": "mariadb"}}


class ContentsManager(InstanceLookups):
    """All ask the guest and wait. They raise InstanceNotAvailable, GuestSilent, GuestRefused, NotInDatabase.

    What is in a replica is only read: changes raise IsAReplica.
    """

    @policy("database:databases:list")
    def databases(self, instance_id: str, *, limit: int, marker: str) -> Page[objects.Database]:
        """Return a page of the databases of an instance, by name."""
        asked = objects.PageRequest(limit=limit, marker=marker)
        found = ask(self._at_rest(instance_id), rpc.LIST_DATABASES, asked)
        return Page(found.databases, more=bool(found.next_marker))

    @policy("database:databases:create")
    def create_databases(self, instance_id: str, wanted: Sequence[NewDatabase]) -> None:
        """Make databases; one that is there stays as it is."""
        instance = self._writable(instance_id)
        for one in wanted:
            names.check_database(instance.version.manager, one.name)
        made = tuple(
            objects.Database(name=one.name, character_set=one.character_set, collate=one.collate)
            for one in wanted
        )
        ask(instance, rpc.CREATE_DATABASES, objects.CreateDatabases(databases=made))

    @policy("database:databases:delete")
    def delete_database(self, instance_id: str, name: str) -> None:
        """Remove a database with all that is in it."""
        instance = self._writable(instance_id)
        names.check_database(instance.version.manager, name)
        ask(instance, rpc.DELETE_DATABASE, objects.DatabaseName(name=name))

    @policy("database:users:list")
    def users(self, instance_id: str, *, limit: int, marker: str) -> Page[objects.User]:
        """Return a page of the users of an instance, by name."""
        asked = objects.PageRequest(limit=limit, marker=marker)
        instance = self._at_rest(instance_id)
        found = ask(instance, rpc.LIST_USERS, asked)
        hidden = names.RESERVED_USERS[instance.version.manager]
        shown = [one for one in found.users if one.name not in hidden]
        return Page(shown, more=bool(found.next_marker))

    @policy("database:users:get")
    def user(self, instance_id: str, name: str, host: str = "%") -> objects.User:
        """Return a user."""
        found = ask(self._at_rest(instance_id), rpc.GET_USER, _user(name, host))
        if not found.users:
            raise NotInDatabase(f"User {name} cannot be found on the instance.")
        user: objects.User = found.users[0]
        return user

    @policy("database:users:create")
    def create_users(self, instance_id: str, wanted: Sequence[NewUser]) -> None:
        """Make users."""
        instance = self._writable(instance_id)
        check_users(instance.version.manager, wanted)
        made = tuple(
            objects.User(
                name=one.name, host=one.host, password=one.password, databases=one.databases
            )
            for one in wanted
        )
        ask(instance, rpc.CREATE_USERS, objects.CreateUsers(users=made))

    @policy("database:users:update")
    def update_user(
        self,
        instance_id: str,
        name: str,
        host: str = "%",
        *,
        new_name: str | None = None,
        new_host: str | None = None,
        new_password: str | None = None,
    ) -> None:
        """Give a user another name, place to come from, or password."""
        instance = self._own(instance_id, name, host)
        manager = instance.version.manager
        if new_name is not None:
            names.check_user(manager, new_name)
        if new_host is not None:
            names.check_host(manager, new_host)
        if new_password is not None:
            names.check_password(new_password)
        change = objects.UserChange(
            name=name,
            host=host,
            new_name=new_name,
            new_host=new_host,
            new_password=new_password or "",
        )
        ask(instance, rpc.UPDATE_USER, change)

    @policy("database:users:delete")
    def delete_user(self, instance_id: str, name: str, host: str = "%") -> None:
        """Remove a user."""
        ask(self._own(instance_id, name, host), rpc.DELETE_USER, _user(name, host))

    @policy("database:users:get")
    def access(self, instance_id: str, name: str, host: str = "%") -> Sequence[str]:
        """Return the databases that a user may use."""
        found = ask(self._at_rest(instance_id), rpc.LIST_ACCESS, _user(name, host))
        granted: Sequence[str] = found.databases
        return granted

    @policy("database:users:update")
    def grant(self, instance_id: str, name: str, host: str, databases: Sequence[str]) -> None:
        """Let a user use databases."""
        self._change_access(rpc.GRANT, instance_id, name, host, databases)

    @policy("database:users:update")
    def revoke(self, instance_id: str, name: str, host: str, database: str) -> None:
        """Let a user use a database no longer."""
        self._change_access(rpc.REVOKE, instance_id, name, host, [database])

    @policy("database:root:get")
    def is_root_enabled(self, instance_id: str) -> bool:
        """Tell whether root was ever let in from outside."""
        return self.get(instance_id).root_enabled_at is not None

    @policy("database:root:enable")
    def enable_root(self, instance_id: str, password: str | None = None) -> tuple[str, str]:
        """Let root in from outside; return its name and its password, which is drawn unless it is given."""
        instance = self._writable(instance_id)
        if password is not None:
            names.check_password(password)
        word = password or secrets.token_urlsafe(24)
        ask(instance, rpc.ENABLE_ROOT, objects.RootPassword(password=word))
        rows = DatabaseInstance.objects.filter(id=instance.id, root_enabled_at=None)
        rows.update(root_enabled_at=now(), root_enabled_by=self.context.user_id or "")
        return ROOTS[instance.version.manager], word

    @policy("database:root:disable")
    def disable_root(self, instance_id: str) -> None:
        """Let root in no more; that it was let in stays known."""
        ask(self._writable(instance_id), rpc.DISABLE_ROOT, objects.NoArguments())

    @policy("database:logs:list")
    def logs(self, instance_id: str) -> Sequence[objects.LogText]:
        """Return the logs of an instance with their sizes."""
        instance = self._at_rest(instance_id)
        return [self._log(instance, name) for name in LOGS[instance.version.manager]]

    @policy("database:logs:get")
    def log(self, instance_id: str, name: str) -> objects.LogText:
        """Return a log with its last lines."""
        instance = self._at_rest(instance_id)
        if name not in LOGS[instance.version.manager]:
            raise NotInDatabase(f"{name[:64]} is not a log of the instance.")
        return self._log(instance, name)

    def _log(self, instance: DatabaseInstance, name: str) -> objects.LogText:
        asked = objects.LogRequest(name=LOGS[instance.version.manager][name])
        found: objects.LogText = ask(instance, rpc.TAIL_LOG, asked)
        return found.model_copy(update={"name": name})

    def _writable(self, instance_id: str) -> DatabaseInstance:
        found = self._at_rest(instance_id)
        if found.replica_of_id is not None:
            raise IsAReplica(found.id)
        return found

    def _own(self, instance_id: str, name: str, host: str) -> DatabaseInstance:
        instance = self._writable(instance_id)
        names.check_user(instance.version.manager, name)
        names.check_host(instance.version.manager, host)
        return instance

    def _change_access(
        self, method: Any, instance_id: str, name: str, host: str, databases: Sequence[str]
    ) -> None:
        instance = self._own(instance_id, name, host)
        if not databases:
            raise BadRequest("Databases are needed.")
        for one in databases:
            names.check_database(instance.version.manager, one)
        said = objects.AccessRequest(name=name, host=host, databases=tuple(databases))
        ask(instance, method, said)


def _user(name: str, host: str) -> objects.UserName:
    return objects.UserName(name=name, host=host)
