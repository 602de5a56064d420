"""How far a caller's rights reach: over the cloud, over his domain, or no further than himself."""

from __future__ import annotations

from django.db.models import QuerySet

from cloudweb.context import RequestContext
from cloudweb.exceptions import Forbidden
from identity.models import Assignment, Role, User
from identity.querysets import held_by, implied_closure

#: The roles that managers of a domain or a project give and take. Others make operators (admin) or
#: let one see everyone's tokens (service), or mean what only operators know.
MANAGED = frozenset({"manager", "member", "reader"})


def reads(context: RequestContext, domain_id: str) -> bool:
    """Tell whether a caller sees what belongs to this domain."""
    own = context.domain_id == domain_id and "reader" in context.roles
    return context.reads_all or own


def manages(context: RequestContext, domain_id: str) -> bool:
    """Tell whether a caller changes what belongs to this domain."""
    own = context.domain_id == domain_id and "manager" in context.roles
    return context.is_admin or own


def names_within(role_ids: set[str]) -> set[str]:
    """Return the names that tokens with these roles carry, implied ones too."""
    held: set[str] = set().union(*implied_closure(role_ids).values())
    names = Role.objects.filter(pk__in=held, domain=None).values_list("name", flat=True)
    return set(names)


def refuse_privileged(context: RequestContext, rows: QuerySet[Assignment]) -> None:
    """Raise Forbidden where these assignments give more than a domain's manager may hand out.

    Whoever sets a user's password or fills a group has what the user or the group has.
    """
    if context.is_admin:
        return
    roles: set[str] = set()
    for role_id, system in rows.values_list("role_id", "system"):
        if system:
            raise Forbidden("Only operators change who has a role on the system.")
        roles.add(role_id)
    if names_within(roles) - MANAGED:
        raise Forbidden("Only operators change who has a role beyond manager, member and reader.")


def refuse_privileged_user(context: RequestContext, user: User) -> None:
    """Raise Forbidden where this user has more than a domain's manager may hand out."""
    if not context.is_admin:
        refuse_privileged(context, Assignment.objects.filter(held_by(user.pk)))
