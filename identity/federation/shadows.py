"""Users whom a provider vouches for as rows here, so that roles can be given to them."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import Q

from cloudweb.database import clock
from identity import revocations
from identity.federation.mapping import Mapped, NamedGroup
from identity.models import FederatedUser, Group, IdentityProvider, Membership, Protocol, User
from identity.models.user import Source

log = structlog.get_logger(__name__)


def shadow_id(provider_id: str, issuer: str, subject: str) -> str:
    """Return the id of a provider's user: of issuer and subject, never of a name or an address."""
    text = f"{provider_id}\0{issuer}\0{subject}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def refresh(protocol: Protocol, *, subject: str, mapped: Mapped) -> User:
    """Return the row of a user as his provider describes him now, in the groups the rules give.

    A group he lost voids his tokens.
    """
    provider = protocol.provider
    key = shadow_id(provider.pk, provider.issuer, subject)
    groups = _groups(mapped)
    with transaction.atomic():
        user = _row(provider, key, subject, mapped)
        FederatedUser.objects.update_or_create(
            provider=provider,
            protocol=protocol.name,
            unique_id=_unique_id(provider.issuer, subject),
            defaults={"user": user, "display_name": mapped.name or subject},
        )
        if _put_in_groups(user, groups):
            revocations.revoke(user_id=user.pk)
    return user


def _unique_id(issuer: str, subject: str) -> str:
    """Return issuer and subject in one text that fits its column."""
    text = f"{issuer} {subject}"
    return text if len(text) <= 512 else hashlib.sha256(text.encode()).hexdigest()


def _row(provider: IdentityProvider, key: str, subject: str, mapped: Mapped) -> User:
    domain = provider.domain
    name = _free_name(provider, key, (mapped.name or subject)[:200])
    fresh = User(
        id=key, domain=domain, name=name, source=Source.OIDC, external_id=subject, email=""
    )
    fresh.set_unusable_password()
    values = {
        "domain": domain,
        "name": name,
        "source": Source.OIDC,
        "external_id": subject,
        "password": fresh.password,
    }
    user = User.objects.get_or_create(pk=key, defaults=values)[0]
    user.domain, user.name, user.email = domain, name, mapped.email[:255]
    user.left_at, user.last_login = None, clock.now()
    user.save(update_fields=["domain", "name", "email", "left_at", "last_login"])
    return user


def _free_name(provider: IdentityProvider, key: str, wanted: str) -> str:
    """Return a name nobody else in the domain has: whoever had it first keeps it."""
    others = User.objects.filter(domain=provider.domain, name=wanted).exclude(pk=key)
    return f"{wanted} ({key[:8]})" if others.exists() else wanted


def _groups(mapped: Mapped) -> set[str]:
    """Return the ids of those groups that exist; who is in a directory's group is decided there."""
    wanted = Q(pk__in=mapped.group_ids)
    for group in mapped.groups:
        wanted |= _named(group)
    ids = set(Group.objects.filter(wanted, source=Source.SQL).values_list("pk", flat=True))
    missing = len(mapped.group_ids) + len(mapped.groups) - len(ids)
    if missing > 0:
        log.warning("a mapping names groups that do not exist", missing=missing)
    return ids


def _named(group: NamedGroup) -> Q:
    if group.domain_id:
        return Q(name=group.name, domain_id=group.domain_id)
    return Q(name=group.name, domain__name__iexact=group.domain_name or "")


def _put_in_groups(user: User, wanted: set[str]) -> bool:
    """Make the user a member of these groups by his provider's word; tell whether he lost one."""
    held = Membership.objects.filter(user=user, source=Source.OIDC)
    present = set(held.values_list("group_id", flat=True))
    Membership.objects.bulk_create(
        [
            Membership(group_id=group_id, user=user, source=Source.OIDC)
            for group_id in sorted(wanted - present)
        ],
        ignore_conflicts=True,  # an operator put him there already
    )
    held.filter(group_id__in=present - wanted).delete()
    return bool(present - wanted)


def lock_out(provider: IdentityProvider) -> None:
    """Void everything the users of a provider hold; whoever is vouched for again may return."""
    users = User.objects.filter(federated__provider=provider)
    ids = sorted(set(users.values_list("pk", flat=True)))
    User.objects.filter(pk__in=ids).update(left_at=clock.now())
    for user_id in ids:
        revocations.revoke(user_id=user_id)


def expire_memberships() -> int:
    """End memberships given by a provider whose word is older than it may be; return how many users.

    ``authorization_ttl`` of a provider says how many minutes it counts after a log-in.
    """
    ended = 0
    for provider in IdentityProvider.objects.exclude(authorization_ttl=None):
        limit = clock.now() - timedelta(minutes=provider.authorization_ttl or 0)
        late = Membership.objects.filter(
            source=Source.OIDC, user__federated__provider=provider, user__last_login__lt=limit
        )
        for user_id in sorted(set(late.values_list("user_id", flat=True))):
            with transaction.atomic():
                Membership.objects.filter(user_id=user_id, source=Source.OIDC).delete()
                revocations.revoke(user_id=user_id)
            ended += 1
    return ended
