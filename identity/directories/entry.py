"""A user as his directory describes him."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from identity.directories.conf import Directory


@dataclass(slots=True)
class Entry:
    """A user of a directory; ``external_id`` stays when he is renamed or moved.

    It is not frozen: django-auth-ldap leaves its own view of the user here.
    """

    dn: str
    external_id: str
    name: str
    email: str = ""
    groups: frozenset[str] = frozenset()
    ldap_user: Any = field(default=None, repr=False, compare=False)
    ldap_username: str = field(default="", repr=False, compare=False)


def entry_from(
    directory: Directory, dn: str, attributes: Mapping[str, Any], groups: frozenset[str]
) -> Entry | None:
    """Return the user in an entry; None if it lacks what a user needs, a name and an id."""
    name = text_of(attributes.get(directory.name_attribute))
    external_id = id_of(attributes.get(directory.id_attribute))
    if not name or not external_id or len(name) > 255 or not name.isprintable():
        return None
    email = text_of(attributes.get(directory.email_attribute))
    return Entry(
        dn=dn,
        external_id=external_id,
        name=name,
        email=email if len(email) <= 255 else "",
        groups=groups,
    )


def text_of(values: Any) -> str:
    """Return the first value of an attribute as text; empty where there is none."""
    first = values[0] if values else ""
    return first.strip() if isinstance(first, str) else ""


def id_of(values: Any) -> str:
    """Return an id as text: as it is, or in hex for the bytes of Active Directory's objectGUID."""
    first = values[0] if values else ""
    if isinstance(first, bytes):
        return first.hex()
    printable = isinstance(first, str) and first.isascii() and first.isprintable()
    # Sixteen random bytes may be readable as UTF-8 by chance.
    return first if printable else str(first).encode().hex()
