"""Users and groups of a directory as rows here, so that roles can be given to them."""

from __future__ import annotations

import hashlib

import structlog
from django.db import transaction

from identity import revocations
from identity.directories.entry import Entry
from identity.models import Domain, Group, Membership, User
from identity.models.user import Source

log = structlog.get_logger(__name__)


def shadow_id(domain_id: str, external_id: str) -> str:
    """Return the id of a directory's user: the same whenever and wherever he is seen first."""
    return hashlib.sha256(f"{domain_id}\0{external_id}".encode()).hexdigest()[:32]


def refresh(domain: Domain, entry: Entry) -> User:
    """Return the row of a user as the directory describes him now, with his groups.

    A group he left voids his tokens.
    """
    with transaction.atomic():
        user = _row(domain, entry)
        lost = _put_in_groups(domain, user, entry.groups)
        if lost:
            revocations.revoke(user_id=user.pk)
    return user


def _row(domain: Domain, entry: Entry) -> User:
    key = shadow_id(domain.pk, entry.external_id)
    user = User.objects.filter(pk=key).first()
    name = _free_name(domain, key, entry.name, user.name if user else "")
    values = {"name": name, "email": entry.email, "left_at": None}
    if user is None:
        user = User(
            id=key, domain=domain, source=Source.LDAP, external_id=entry.external_id, **values
        )
        user.set_unusable_password()
        # Two first log-ins at once: the second finds what the first wrote.
        return User.objects.get_or_create(pk=key, defaults=_columns(user))[0]
    user.domain = domain
    changed = [name for name, value in values.items() if getattr(user, name) != value]
    for name in changed:
        setattr(user, name, values[name])
    if changed:
        user.save(update_fields=changed)
    return user


def _columns(user: User) -> dict[str, object]:
    names = ("domain", "source", "external_id", "name", "email", "left_at", "password")
    return {name: getattr(user, name) for name in names}


def _free_name(domain: Domain, key: str, wanted: str, present: str) -> str:
    """Return a name that is free in the domain: users of this cloud keep theirs.

    A directory's user who stands in the way was renamed or removed there: he gives the name up.
    """
    holder = User.objects.filter(domain=domain, name=wanted).exclude(pk=key).first()
    if holder is None:
        return wanted
    if holder.source != Source.LDAP:
        log.warning("a user of this cloud has the name of a directory's", name=wanted)
        return present or f"{wanted[:220]} ({key[:8]})"
    User.objects.filter(pk=holder.pk).update(name=f"{wanted[:220]} ({holder.pk[:8]})")
    return wanted


def _put_in_groups(domain: Domain, user: User, names: frozenset[str]) -> bool:
    """Make the user a member of just these mirrored groups; tell whether he lost one."""
    wanted = {group.pk for group in mirrored(domain, names)}
    held = Membership.objects.filter(user=user, source=Source.LDAP)
    present = set(held.values_list("group_id", flat=True))
    Membership.objects.bulk_create(
        [
            Membership(group_id=group_id, user=user, source=Source.LDAP)
            for group_id in sorted(wanted - present)
        ],
        ignore_conflicts=True,
    )
    held.filter(group_id__in=present - wanted).delete()
    return bool(present - wanted)


def mirrored(domain: Domain, names: frozenset[str]) -> list[Group]:
    """Return the groups of a directory, made where they are missing.

    A group of this cloud with the same name is another group: who is in it is decided here.
    """
    if not names:
        return []
    present = set(
        Group.objects.filter(domain=domain, name__in=names).values_list("name", flat=True)
    )
    Group.objects.bulk_create(
        [
            Group(
                id=shadow_id(domain.pk, f"group {name}"),
                domain=domain,
                name=name,
                source=Source.LDAP,
                external_id=name,
            )
            for name in sorted(names - present)
        ],
        ignore_conflicts=True,
    )
    return list(Group.objects.filter(domain=domain, name__in=names, source=Source.LDAP))


def mark_left(user: User) -> None:
    """Lock out a user whom his directory knows no more; his roles wait for his return."""
    from cloudweb.database import clock

    with transaction.atomic():
        if User.objects.filter(pk=user.pk, left_at=None).update(left_at=clock.now()):
            Membership.objects.filter(user=user, source=Source.LDAP).delete()
            revocations.revoke(user_id=user.pk)
            log.info("a user left his directory", user_id=user.pk, name=user.name)
