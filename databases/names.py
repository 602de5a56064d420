"""What databases and users may be called, and what a password must be: refused before it reaches a guest."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cloudweb.exceptions import BadRequest
from cloudweb.names import no_control_characters
from databases.guest.drivers import DRIVERS

#: Manager -> databases that the datastore has for itself, beside those that its guest refuses.
RESERVED_DATABASES: Mapping[str, frozenset[str]] = {
    "postgresql": DRIVERS["postgresql"].reserved_databases,
    "mariadb": DRIVERS["mariadb"].reserved_databases | {"lost+found", "#mysql50#"},
}
#: Manager -> users that the datastore or the guest has for itself.
RESERVED_USERS: Mapping[str, frozenset[str]] = {
    "postgresql": DRIVERS["postgresql"].reserved_users | {"os_admin"},
    "mariadb": DRIVERS["mariadb"].reserved_users,
}
#: How the names of PostgreSQL's own roles begin, and of those that have a database each.
_ROLES = ("pg_", "db:")
SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 128
_HOST = re.compile(r"[0-9A-Za-z.:%_/-]{1,60}\Z")


def check_database(manager: str, name: str) -> None:
    """Raise BadRequest for a name that no database of a tenant may have."""
    _check(name, longest=DRIVERS[manager].longest_name, what="database")
    if name.lower() in RESERVED_DATABASES[manager]:
        raise BadRequest(f"The database name '{name}' is reserved.")


def check_user(manager: str, name: str) -> None:
    """Raise BadRequest for a name that no user of a tenant may have."""
    _check(name, longest=DRIVERS[manager].longest_name, what="user")
    if name.lower() in RESERVED_USERS[manager] or name.lower().startswith(_ROLES):
        raise BadRequest(f"The user name '{name}' is reserved.")


def check_host(manager: str, host: str) -> None:
    """Raise BadRequest for what is no place a user may come from; PostgreSQL's come from anywhere."""
    if not _HOST.match(host) or (manager == "postgresql" and host != "%"):
        raise BadRequest(f"The host '{host[:64]}' is not allowed.")


def check_password(password: str) -> None:
    """Raise BadRequest for a password that is too short, too long, or cannot be typed."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise BadRequest(
            f"A password must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters."
        )
    try:
        no_control_characters(password)
    except ValueError as error:
        raise BadRequest("A password must not have control characters.") from error


def _check(name: str, *, longest: int, what: str) -> None:
    if name and not name.isprintable():
        raise BadRequest(f"A {what} name must not have control characters.")
    fits = 1 <= len(name.encode()) <= longest and name.strip() == name
    if not fits or re.search(r"[@?#/\\`'\"%,;]", name):
        raise BadRequest(
            f"'{name[:80]}' is no {what} name: 1 to {longest} bytes, none of @?#/\\`'\"%,; "
            "and no space at its ends."
        )
