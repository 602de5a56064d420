"""Asking an LDAP server, by django-auth-ldap. Loaded only where a directory is configured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ldap
import ldap.filter
from django_auth_ldap import config
from django_auth_ldap.backend import LDAPBackend, _LDAPUser, ldap_error

from identity.directories.conf import Directory
from identity.directories.entry import Entry, entry_from
from identity.directories.exceptions import DirectoryUnavailable

_TYPES: dict[str, type[config.LDAPGroupType]] = {
    "groupOfNames": config.GroupOfNamesType,
    "nestedGroupOfNames": config.NestedGroupOfNamesType,
    "groupOfUniqueNames": config.GroupOfUniqueNamesType,
    "nestedGroupOfUniqueNames": config.NestedGroupOfUniqueNamesType,
    "posixGroup": config.PosixGroupType,
    "activeDirectory": config.ActiveDirectoryGroupType,
    "nestedActiveDirectory": config.NestedActiveDirectoryGroupType,
}
#: The server works and will not let this user in: that is a wrong log-in, not an outage.
_REFUSALS = (
    ldap.INVALID_CREDENTIALS,
    ldap.INAPPROPRIATE_AUTH,
    ldap.UNWILLING_TO_PERFORM,
    ldap.CONSTRAINT_VIOLATION,
    ldap.INSUFFICIENT_ACCESS,
    ldap.INVALID_DN_SYNTAX,
    ldap.NO_SUCH_OBJECT,
)


class _Outage(Exception):
    """The server failed us; no LDAPError, for django-auth-ldap keeps those to itself."""


class ExactSearch(config.LDAPSearch):
    """A search whose filter is complete: a percent sign in a name is no placeholder."""

    def execute(self, connection: Any, filterargs: Any = (), escape: bool = True) -> Any:
        """Return what is found; errors of the server are raised."""
        found = connection.search_s(self.base_dn, self.scope, self.filterstr, self.attrlist)
        return self._process_results(found)


class DirectoryBackend(LDAPBackend):
    """django-auth-ldap for one user of one directory; gives an Entry in place of a model."""

    def __init__(self, directory: Directory, wanted: str) -> None:
        self.directory = directory
        self.settings = config.LDAPSettings("CLOUDWEB_NO_LDAP_", settings_of(directory, wanted))

    def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[Any, bool]:
        """Return the user's entry; nothing is written here."""
        try:
            entry = self.entry(ldap_user)
        except ldap.LDAPError as error:
            raise _Outage(_words(error)) from error
        if entry is None:
            raise ldap_user.AuthenticationFailed("the entry has no usable name or id")
        return entry, False

    def entry(self, ldap_user: Any) -> Entry | None:
        """Return what the directory says of the user; None if it knows no such (or several)."""
        if ldap_user.dn is None or ldap_user.attrs is None:
            return None
        groups: frozenset[str] = frozenset()
        if self.directory.group_base:
            groups = frozenset(name for name in ldap_user.group_names if _is_name(name))
        return entry_from(self.directory, ldap_user.dn, ldap_user.attrs, groups)


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and 0 < len(name.strip()) <= 255 and name.isprintable()


def settings_of(directory: Directory, wanted: str) -> dict[str, Any]:
    """Return django-auth-ldap's settings for finding the one user whom a filter describes."""
    attributes = [
        directory.name_attribute,
        directory.id_attribute,
        directory.email_attribute,
        "uid",
        "gidNumber",
    ]
    settings: dict[str, Any] = {
        "SERVER_URI": directory.url,
        "BIND_DN": directory.bind_dn,
        "BIND_PASSWORD": directory.bind_password,
        "START_TLS": directory.start_tls,
        "CONNECTION_OPTIONS": _options(directory),
        "ALWAYS_UPDATE_USER": False,
        "USER_ATTRLIST": attributes,
        "USER_SEARCH": ExactSearch(
            directory.user_base,
            ldap.SCOPE_SUBTREE,
            f"(&{directory.user_filter}{wanted})",
            attributes,
        ),
    }
    if directory.group_base:
        name = directory.group_name_attribute
        settings["GROUP_TYPE"] = _TYPES[directory.group_type](name_attr=name)
        settings["GROUP_SEARCH"] = ExactSearch(
            directory.group_base, ldap.SCOPE_SUBTREE, directory.group_filter, [name]
        )
    return settings


def _options(directory: Directory) -> dict[int, Any]:
    options: dict[int, Any] = {
        ldap.OPT_NETWORK_TIMEOUT: float(directory.timeout),
        ldap.OPT_TIMEOUT: float(directory.timeout),
        ldap.OPT_REFERRALS: 0,
        ldap.OPT_X_TLS_REQUIRE_CERT: ldap.OPT_X_TLS_DEMAND,
    }
    if directory.ca_file:
        options[ldap.OPT_X_TLS_CACERTFILE] = directory.ca_file
    options[ldap.OPT_X_TLS_NEWCTX] = 0  # the last one: it puts those of TLS into force
    return options


def _unavailable(sender: type, *, context: str, exception: ldap.LDAPError, **_: Any) -> None:
    """Say that a directory does not answer, where django-auth-ldap would say: wrong password."""
    if context == "authenticate" and isinstance(exception, _REFUSALS):
        return
    raise _Outage(_words(exception)) from exception


ldap_error.connect(_unavailable, sender=DirectoryBackend, dispatch_uid="identity.directories")


def by_name(directory: Directory, name: str) -> str:
    """Return the filter for a user name as somebody typed it."""
    return f"({directory.name_attribute}={ldap.filter.escape_filter_chars(name)})"


def by_id(directory: Directory, external_id: str) -> str:
    """Return the filter for an id as ``Entry.external_id`` holds it."""
    if directory.id_attribute.lower() == "objectguid":
        value = "".join(f"\\{byte:02x}" for byte in bytes.fromhex(external_id))
    else:
        value = ldap.filter.escape_filter_chars(external_id)
    return f"({directory.id_attribute}={value})"


def authenticate(
    directory: Directory, wanted: str, password: str, *, found: Callable[[str], None] | None = None
) -> Entry | None:
    """Return the user if the password is his; None for a wrong user or password.

    ``found`` is told the name of the entry before the password is tried. Raises DirectoryUnavailable.
    """
    if not password or "\0" in password:
        return None  # a server takes a bind without password as an anonymous one, which succeeds
    backend = DirectoryBackend(directory, wanted)
    try:
        ldap_user = _LDAPUser(backend, username=wanted)
        if found is not None and ldap_user.dn is not None:
            found(ldap_user.dn)
        entry: Entry | None = backend.authenticate_ldap_user(ldap_user, password)
    except (_Outage, ldap.LDAPError) as error:
        words = _words(error) if isinstance(error, ldap.LDAPError) else str(error)
        raise DirectoryUnavailable(directory.domain, detail=words) from error
    return entry


def find(directory: Directory, wanted: str) -> Entry | None:
    """Return a user without his password; None if there is none. Raises DirectoryUnavailable."""
    backend = DirectoryBackend(directory, wanted)
    try:
        return backend.entry(_LDAPUser(backend, username=wanted))
    except (_Outage, ldap.LDAPError) as error:
        words = _words(error) if isinstance(error, ldap.LDAPError) else str(error)
        raise DirectoryUnavailable(directory.domain, detail=words) from error


def group_names(directory: Directory) -> frozenset[str]:
    """Return the names of all groups; raises DirectoryUnavailable."""
    if not directory.group_base:
        return frozenset()
    backend = DirectoryBackend(directory, "(objectClass=*)")
    try:
        # Any user will do: what is asked for is the connection bound as the cloud itself.
        connection = _LDAPUser(backend, username="*").connection
        found = backend.settings.GROUP_SEARCH.execute(connection)
    except ldap.LDAPError as error:
        raise DirectoryUnavailable(directory.domain, detail=_words(error)) from error
    attribute = directory.group_name_attribute
    names = (attributes.get(attribute, [""])[0] for _, attributes in found)
    return frozenset(name for name in names if _is_name(name))


def _words(error: ldap.LDAPError) -> str:
    said = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    parts = (said.get("desc"), said.get("info"))
    return ": ".join(str(part) for part in parts if part) or type(error).__name__
