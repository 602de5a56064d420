"""What is inside a database instance: databases, users, what these may use, root; and its logs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables

from cloudweb.exceptions import CloudwebError, NotFound
from dashboard.components.databases import OFFERED, Connection, connection_of, why_not
from dashboard.components.words import spoken
from dashboard.forms.databases import NewContentForm, NewUserForm
from dashboard.views.box import Box
from dashboard.views.database import DatabasePage
from dashboard.views.detail_page import Press
from databases.exceptions import GuestRefused, GuestSilent, InstanceNotAvailable
from databases.manager import ContentsManager, DatabaseInstanceManager
from databases.requests import NewDatabase, NewUser

if TYPE_CHECKING:
    from databases.objects import User

#: What a guest that is asked may answer instead.
TROUBLE = (GuestSilent, GuestRefused, InstanceNotAvailable)


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user, the databases that it may not use yet, and how it connects."""

    user: User
    others: Sequence[str]
    connection: Connection | None


@dataclass(frozen=True, slots=True)
class Inside:
    """What a guest tells is in it; ``trouble`` is why it tells nothing."""

    databases: Sequence[str] = ()
    users: Sequence[UserRow] = ()
    trouble: str = ""


#: Whether a press is offered -> what it needs.
PRESSES = {
    "may_create_databases": "database:databases:create",
    "may_delete_databases": "database:databases:delete",
    "may_create_users": "database:users:create",
    "may_update_users": "database:users:update",
    "may_delete_users": "database:users:delete",
    "may_enable_root": "database:root:enable",
    "may_disable_root": "database:root:disable",
}


class DatabaseContents(DatabasePage):
    """Databases and users, as the guest tells them."""

    tab, template = "database_contents", "dashboard/databases/contents.html"
    boxes = "dashboard/databases/contents_boxes.html"
    pace = 60

    @cached_property
    def inside(self) -> Inside:
        """Ask the guest, where it can answer."""
        trouble = why_not(self.database)
        if trouble:
            return Inside(trouble=trouble)
        manager = ContentsManager(self.context)
        try:
            databases = manager.databases(self.key, limit=OFFERED, marker="").rows
            users = manager.users(self.key, limit=OFFERED, marker="").rows
        except TROUBLE as error:
            return Inside(trouble=spoken(error))
        names = [one.name for one in databases]
        return Inside(names, [self._row(one, names) for one in users])

    @cached_property
    def tls(self) -> bool:
        """Tell whether it has a certificate, by which clients know it."""
        return DatabaseInstanceManager(self.context).told(self.key).tls_until is not None

    def _row(self, user: User, names: Sequence[str]) -> UserRow:
        usual = next(iter(user.databases), "DATABASE")
        connection = connection_of(self.database, user=user.name, name=usual, tls=self.tls)
        return UserRow(user, [one for one in names if one not in user.databases], connection)

    def facts(self) -> dict[str, Any]:
        """Add what is in it."""
        granted = {name: self.may(policy) for name, policy in PRESSES.items()}
        if self.database.replica_of_id is not None:  # it has what its source has
            granted = dict.fromkeys(PRESSES, False)
        return {**super().facts(), "inside": self.inside, **granted}

    def forms(self) -> dict[str, Any]:
        """Add what is made in it."""
        more = {"content_form": self.content_form(), "user_form": self.user_form()}
        return {**super().forms(), **more}

    def content_form(self, data: Any = None) -> NewContentForm:
        """Return the form of a new database."""
        return NewContentForm(data, auto_id="content_%s")

    def user_form(self, data: Any = None) -> NewUserForm:
        """Return the form of a new user."""
        names = [("", "None yet"), *((one, one) for one in self.inside.databases)]
        return NewUserForm(data, offered={"database": names}, auto_id="user_%s")

    def show_once(self, who: str, word: str) -> HttpResponse:
        """Show the page with a password that nobody sees again."""
        self.__dict__.pop("inside", None)
        self.__dict__.pop("database", None)
        answer = self.show(secret_of=who, secret=word)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class NewContent(Box, DatabaseContents):
    """Make a database in it."""

    box = "content"

    def effect(self, said: dict[str, Any]) -> str:
        """Make it."""
        wanted = [NewDatabase(name=said["name"])]
        ContentsManager(self.context).create_databases(self.key, wanted)
        return f"{said['name']} is made."


class NewDatabaseUser(Box, DatabaseContents):
    """Make a user in it; a password that is drawn is shown once."""

    box = "user"

    @sensitive_variables("drawn", "wanted")
    def post(self, request: HttpRequest) -> HttpResponse:
        """Make it, or show the form again with what is wrong."""
        form = self.user_form(request.POST)
        if not form.is_valid():
            return self.show(status=422, opened=self.box, user_form=form)
        said = form.cleaned_data
        drawn = "" if said["password"] else secrets.token_urlsafe(18)
        may_use = (said["database"],) if said["database"] else ()
        wanted = NewUser(name=said["name"], password=said["password"] or drawn, databases=may_use)
        try:
            ContentsManager(self.context).create_users(self.key, [wanted])
        except CloudwebError as error:
            form.refuse(error)
            return self.show(status=422, opened=self.box, user_form=form)
        if drawn:
            return self.show_once(wanted.name, drawn)
        return self.done(f"{wanted.name} is made.", self.home())


class EnableRoot(DatabaseContents):
    """Let root in by a password that is shown once."""

    http_method_names = ["post"]

    @sensitive_variables("word")
    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it."""
        name, word = ContentsManager(self.context).enable_root(self.key)
        return self.show_once(name, word)


class NewPassword(DatabaseContents):
    """Give a user a password that is drawn and shown once."""

    http_method_names = ["post"]

    @sensitive_variables("word")
    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it."""
        name, host = request.POST.get("user", ""), request.POST.get("host", "%")
        word = secrets.token_urlsafe(18)
        ContentsManager(self.context).update_user(self.key, name, host, new_password=word)
        return self.show_once(name, word)


def _drop_database(manager: ContentsManager, key: str, said: Said) -> str:
    manager.delete_database(key, said.database)
    return f"{said.database} is deleted."


def _drop_user(manager: ContentsManager, key: str, said: Said) -> str:
    manager.delete_user(key, said.user, said.host)
    return f"{said.user} is deleted."


def _grant(manager: ContentsManager, key: str, said: Said) -> str:
    manager.grant(key, said.user, said.host, [said.database])
    return f"{said.user} may use {said.database} now."


def _revoke(manager: ContentsManager, key: str, said: Said) -> str:
    manager.revoke(key, said.user, said.host, said.database)
    return f"{said.user} may not use {said.database} any more."


def _disable_root(manager: ContentsManager, key: str, said: Said) -> str:
    manager.disable_root(key)
    return "Root is let in no more."


@dataclass(frozen=True, slots=True)
class Said:
    """What a button says it is about."""

    database: str
    user: str
    host: str


CHANGES: dict[str, Callable[[ContentsManager, str, Said], str]] = {
    "drop_database": _drop_database,
    "drop_user": _drop_user,
    "grant": _grant,
    "revoke": _revoke,
    "disable_root": _disable_root,
}


class ChangeContents(Press, DatabaseContents):
    """The buttons beside databases and users."""

    def effect(self, **about: Any) -> str:
        """Do it."""
        change = CHANGES.get(about["what"])
        if change is None:
            raise NotFound
        given = self.request.POST
        said = Said(given.get("database", ""), given.get("user", ""), given.get("host", "%"))
        return change(ContentsManager(self.context), self.key, said)


class DatabaseLogs(DatabasePage):
    """The last lines of its logs, as the guest tells them."""

    tab, template = "database_logs", "dashboard/databases/logs.html"
    pace = 30

    def facts(self) -> dict[str, Any]:
        """Add the logs, or why there are none."""
        logs: Sequence[Any] = ()
        trouble = why_not(self.database)
        if not trouble:
            try:
                logs = ContentsManager(self.context).logs(self.key)
            except TROUBLE as error:
                trouble = spoken(error)
        return {**super().facts(), "logs": logs, "trouble": trouble}
