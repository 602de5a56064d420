"""Where the servers of a group may be, and where they rather are.

What is asked of groups is compiled once for all groups of a kind (``alike``), and says of each host by itself
whether it has one of them: so PostgreSQL reads the best hosts in their order and stops, where "not among those"
let it read all of them. What is preferred is asked for first, what is left only where nothing of that fits
(``turns``): to sort every host by how many are there would read them all, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, UUIDField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from cloudweb.database.prepared import Given
from compute.models import Claim
from compute.scheduler.request import PlacementRequest

#: Stands for any group and any server in what is alike.
ANY = UUID(int=0)
GROUP_ID, INSTEAD_OF = Given("group", UUIDField()), Given("instead_of", UUIDField())


def alike(request: PlacementRequest) -> PlacementRequest:
    """Return the request of any group of this kind: what they ask differs in ``given`` alone."""
    if request.group is None:
        return request
    group = request.group._replace(id=ANY)
    return replace(request, group=group, instead_of=str(ANY) if request.instead_of else "")


def given(request: PlacementRequest) -> dict[str, UUID | str]:
    """Return what belongs into the places of a statement for those that are alike."""
    if request.group is None:
        return {}
    return {"group": request.group.id, "instead_of": request.instead_of}


def of_group(request: PlacementRequest) -> Q | None:
    """Return the condition of the hosts that a group's next server may go to; its first goes anywhere."""
    if request.group is None:
        return None
    if request.group.policy == "affinity":
        return with_some(request) | first_of_all(request)
    return not_full(request) if request.group.policy == "anti-affinity" else None


def everywhere(_request: PlacementRequest) -> Q:
    """Leave out none."""
    return Q()


def with_some(request: PlacementRequest) -> Q:
    """Return the condition of the hosts that have a server of the request's group."""
    return Q(pk__in=_claims(request).values("host"))


def with_none(request: PlacementRequest) -> Q:
    """Return the condition of those that have none."""
    return ~Q(Exists(_here(request)))


def not_full(request: PlacementRequest) -> Q:
    """Return the condition of those that have fewer than one may have."""
    most = request.group.most if request.group else 1
    return ~Q(Exists(_here(request)[most - 1 :]))


def some_not_full(request: PlacementRequest) -> Q:
    """Return the condition of those that have some, and may have more."""
    return with_some(request) & not_full(request)


def first_of_all(request: PlacementRequest) -> Q:
    """Return the condition that the group has no server anywhere."""
    return ~Q(Exists(_claims(request)))


#: A condition on hosts. Those of a policy together are the hosts that may be, the better ones first.
Turn = Callable[[PlacementRequest], Q]
_TURNS: dict[str, Sequence[Turn]] = {
    "affinity": (with_some, first_of_all),
    "soft-affinity": (with_some, with_none),
    "soft-anti-affinity": (with_none, with_some),
}


def turns(request: PlacementRequest) -> Sequence[Turn]:
    """Return which hosts are asked for one after the other, until some fit."""
    if request.group is None:
        return (everywhere,)
    if request.group.policy == "anti-affinity":
        return (with_none, some_not_full)[: request.group.most]
    return _TURNS[request.group.policy]


def suits(request: PlacementRequest, turn: Turn) -> Combinable | None:
    """Return what goes before the weight: how many of a group that prefers it are there, or are not."""
    if request.group is None or not request.group.policy.startswith("soft-"):
        return None
    if turn is not with_some:
        return None
    counted = _here(request).values("host").annotate(n=Count("pk")).values("n")
    found = Coalesce(Subquery(counted), 0)
    return found if request.group.policy == "soft-affinity" else Value(0) - found


def _here(request: PlacementRequest) -> QuerySet[Claim]:
    return _claims(request).filter(host=OuterRef("pk"))


def _claims(request: PlacementRequest) -> QuerySet[Claim]:
    """Return the places of a group's servers but of the one whose place this one takes."""
    ident = request.group.id if request.group else None
    claims = Claim.objects.filter(group_id=GROUP_ID if ident == ANY else ident).order_by()
    if not request.instead_of:
        return claims
    return claims.exclude(instance_id=INSTEAD_OF if ident == ANY else request.instead_of)
