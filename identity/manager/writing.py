"""How the managers write a row whose name may be taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, models, transaction

from cloudweb.exceptions import Conflict, Forbidden, InvalidInput
from identity.models import Group, Membership, User
from identity.models.user import Source

KEEPERS: Mapping[str, str] = {
    Source.LDAP: "an LDAP directory",
    Source.OIDC: "an identity provider",
}


def insert(row: models.Model, *, taken: Conflict) -> None:
    """Insert a row; raise ``taken`` if its unique name is."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise taken from error


def write(row: models.Model, *columns: str, taken: Conflict) -> None:
    """Write columns of a row; raise ``taken`` if its unique name is."""
    try:
        with transaction.atomic():
            row.save(update_fields=columns)
    except IntegrityError as error:
        raise taken from error


def change(row: models.Model, changes: Mapping[str, Any], *, taken: Conflict) -> set[str]:
    """Write the attributes that differ and return their names; raise ``taken`` on a duplicate."""
    changed = {name for name, value in changes.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, changes[name])
    if changed:
        write(row, *sorted(changed), taken=taken)
    return changed


def refuse_moves(row: models.Model, fixed: Mapping[str, Any]) -> None:
    """Raise InvalidInput where a change names another value for what never changes."""
    for name, value in fixed.items():
        if value != getattr(row, name):
            raise InvalidInput(field=name, value=value, reason="It cannot be changed.")


def refuse_foreign(user: User, changes: Mapping[str, Any]) -> None:
    """Raise Forbidden where a change touches what another system keeps of its users."""
    kept = [name for name in ("name", "email", "password") if name in changes]
    touched = [name for name in kept if changes[name] != getattr(user, name)]
    if user.source != Source.SQL and touched:
        keeper = KEEPERS[user.source]
        raise Forbidden(f"The {touched[0]} of this user is kept by {keeper}; change it there.")


def refuse_foreign_group(group: Group, changes: Mapping[str, Any]) -> None:
    """Raise Forbidden where a change touches the name or ``members`` of a mirrored group."""
    renamed = changes.get("name", group.name) != group.name
    if group.source != Source.SQL and (renamed or "members" in changes):
        what = "name of this group is" if renamed else "members of this group are"
        raise Forbidden(f"The {what} kept by {KEEPERS[group.source]}; change it there.")


def refuse_foreign_membership(membership: Membership) -> None:
    """Raise Forbidden where the user is in the group by another system's word."""
    if membership.source != Source.SQL:
        keeper = KEEPERS[membership.source]
        raise Forbidden(f"This user was put into the group by {keeper}; change it there.")
