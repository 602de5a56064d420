"""Which QoS policy a thing may be held to, and who may lift it."""

from __future__ import annotations

from uuid import UUID

from cloudweb.context import RequestContext
from cloudweb.database.prepared import Given, Prepared
from network.exceptions.qos import PolicyRemoveAuthorizationError, QosPolicyNotFound
from network.manager.held import held
from network.manager.standard import Identifier
from network.models import QosPolicy

_DEFAULT = Prepared(
    lambda: QosPolicy.objects.filter(project_id=Given("project"), is_default=True).values_list(
        "id", flat=True
    )
)


def chosen_policy(
    context: RequestContext, wanted: Identifier | None, *, now: UUID | None = None
) -> UUID | None:
    """Return the id of the policy that shall hold instead of the one that does.

    Raises QosPolicyNotFound, and PolicyRemoveAuthorizationError where the one that holds is neither
    the caller's nor shared with him: an operator put it there.
    """
    chosen = None
    if wanted is not None:
        found = held(context, QosPolicy, wanted)
        if found is None:
            raise QosPolicyNotFound(wanted)
        chosen = found.id
    visible = QosPolicy.objects.visible_to(context)
    if now is not None and now != chosen and not visible.filter(id=now).exists():
        raise PolicyRemoveAuthorizationError(now)
    return chosen


def default_policy(project_id: str) -> UUID | None:
    """Return the policy that a project's new networks are held to."""
    return _DEFAULT.row(project=project_id)
