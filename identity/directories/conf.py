"""Which domains are backed by LDAP, read from the environment (docs/identity-providers.md).

``LDAP_DOMAINS`` names them; each has settings of its own, ``LDAP_<NAME>_URL`` and so on. Nothing
here loads an LDAP library: a cloud without directories needs none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from cloudweb.conf import env

GROUP_TYPES = (
    "groupOfNames",
    "nestedGroupOfNames",
    "groupOfUniqueNames",
    "nestedGroupOfUniqueNames",
    "posixGroup",
    "activeDirectory",
    "nestedActiveDirectory",
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9;-]{0,63}\Z")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}\Z")


class WrongSetting(ValueError):
    """A setting of a directory that cannot be used; says which and why."""


@dataclass(frozen=True, slots=True)
class Directory:
    """One LDAP directory and how its entries become users and groups of a domain."""

    domain: str
    url: str
    user_base: str
    bind_dn: str = ""
    bind_password: str = ""
    user_filter: str = "(objectClass=inetOrgPerson)"
    name_attribute: str = "uid"
    id_attribute: str = "entryUUID"
    email_attribute: str = "mail"
    group_base: str = ""
    group_filter: str = "(objectClass=*)"
    group_type: str = "groupOfNames"
    group_name_attribute: str = "cn"
    start_tls: bool = False
    cleartext: bool = False
    ca_file: str = ""
    timeout: int = 5

    def __repr__(self) -> str:
        return f"Directory(domain={self.domain!r}, url={self.url!r})"


_FLAGS = ("start_tls", "cleartext")
_OPTIONS = {
    name.upper(): name for name in Directory.__dataclass_fields__ if name not in ("domain",)
}


def parse(names: list[str], environment: Mapping[str, str]) -> tuple[Directory, ...]:
    """Return the directories that the settings describe; raise WrongSetting."""
    found = []
    for name in names:
        if not _NAME.match(name):
            raise WrongSetting(
                f"LDAP_DOMAINS: {name!r} may hold letters, digits and underscores alone; "
                "LDAP_<NAME>_DOMAIN takes the domain's name if it is another."
            )
        found.append(_directory(name, environment))
    domains = [directory.domain.lower() for directory in found]
    if len(set(domains)) != len(domains):
        raise WrongSetting("LDAP_DOMAINS: two directories stand behind one domain.")
    return tuple(found)


def _directory(name: str, environment: Mapping[str, str]) -> Directory:
    prefix = f"LDAP_{name.upper()}_"
    given = {
        key.removeprefix(prefix): value
        for key, value in environment.items()
        if key.startswith(prefix)
    }
    domain = given.pop("DOMAIN", name)
    if "BIND_PASSWORD_FILE" in given:
        given["BIND_PASSWORD"] = _content(prefix, given.pop("BIND_PASSWORD_FILE"))
    values: dict[str, str | bool | int] = {"domain": domain}
    for key, text in given.items():
        if key not in _OPTIONS:
            raise WrongSetting(f"{prefix}{key} is no setting of a directory.")
        values[_OPTIONS[key]] = _read(prefix + key, _OPTIONS[key], text)
    for needed in ("url", "user_base"):
        if not values.get(needed):
            raise WrongSetting(f"{prefix}{needed.upper()} is missing.")
    directory = Directory(**values)  # type: ignore[arg-type]
    _check(prefix, directory)
    return directory


def _content(prefix: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise WrongSetting(f"{prefix}BIND_PASSWORD_FILE: {error.strerror}: {path}") from error


def _read(setting: str, option: str, text: str) -> str | bool | int:
    if option in _FLAGS:
        word = text.strip().lower()
        if word not in ("true", "yes", "on", "1", "false", "no", "off", "0", ""):
            raise WrongSetting(f"{setting} is {text!r}; it must be yes or no.")
        return word in ("true", "yes", "on", "1")
    if option == "timeout":
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 60):
            raise WrongSetting(f"{setting} is {text!r}; it must be 1 to 60 seconds.")
        return int(text)
    return text.strip()


def _check(prefix: str, directory: Directory) -> None:
    _check_urls(prefix, directory)
    for option in ("name_attribute", "id_attribute", "email_attribute", "group_name_attribute"):
        if not _ATTRIBUTE.match(getattr(directory, option)):
            raise WrongSetting(f"{prefix}{option.upper()} is no name of an attribute.")
    for option in ("user_filter", "group_filter"):
        text = getattr(directory, option)
        balanced = text.count("(") == text.count(")")
        if not (text.startswith("(") and text.endswith(")") and balanced):
            raise WrongSetting(f"{prefix}{option.upper()} must be a filter in parentheses.")
    if directory.group_type not in GROUP_TYPES:
        raise WrongSetting(f"{prefix}GROUP_TYPE must be one of {', '.join(GROUP_TYPES)}.")
    if bool(directory.bind_dn) != bool(directory.bind_password):
        raise WrongSetting(f"{prefix}BIND_DN and {prefix}BIND_PASSWORD belong together.")
    if directory.ca_file and not Path(directory.ca_file).is_file():
        raise WrongSetting(f"{prefix}CA_FILE: there is no file {directory.ca_file}.")


def _check_urls(prefix: str, directory: Directory) -> None:
    """Refuse what would send passwords in clear text over a network."""
    for url in directory.url.split():
        parts = urlsplit(url)
        if parts.scheme not in ("ldap", "ldaps", "ldapi") or parts.path.strip("/") or parts.query:
            raise WrongSetting(f"{prefix}URL: {url!r} must look like ldaps://directory.example.")
        exposed = parts.scheme == "ldap" and parts.hostname not in _LOOPBACK
        if exposed and not (directory.start_tls or directory.cleartext):
            raise WrongSetting(
                f"{prefix}URL: {url} would send passwords in clear text. Use ldaps://, or set "
                f"{prefix}START_TLS=yes (or {prefix}CLEARTEXT=yes, if you must)."
            )


@cache
def _configured() -> tuple[Directory, ...]:
    return parse(env.list("LDAP_DOMAINS", default=[]), env.ENVIRON)


def directories() -> tuple[Directory, ...]:
    """Return the directories of this cloud; raise WrongSetting."""
    return _configured()


def directory_of(domain_name: str) -> Directory | None:
    """Return the directory behind a domain, if there is one."""
    for directory in directories():
        if directory.domain.lower() == domain_name.lower():
            return directory
    return None
