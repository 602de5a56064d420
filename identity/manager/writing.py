"""How the managers write a row whose name may be taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, models, transaction

from cloudweb.exceptions import Conflict, Forbidden, InvalidInput
from identity.models import User
from identity.models.user import Source


def insert(row: models.Model, *, taken: Conflict) -> None:
    """Insert a row; raise ``taken`` if its unique name is."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise taken from error


def change(row: models.Model, changes: Mapping[str, Any], *, taken: Conflict) -> set[str]:
    """Write the attributes that differ and return their names; raise ``taken`` on a duplicate."""
    changed = {name for name, value in changes.items() if getattr(row, name) != value}
    for name in changed:
        setattr(row, name, changes[name])
    if changed:
        try:
            with transaction.atomic():
                row.save(update_fields=sorted(changed))
        except IntegrityError as error:
            raise taken from error
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
        keeper = "an LDAP directory" if user.source == Source.LDAP else "an identity provider"
        raise Forbidden(f"The {touched[0]} of this user is kept by {keeper}; change it there.")
