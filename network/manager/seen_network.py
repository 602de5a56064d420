"""One network as a caller sees it, by prepared statements: most calls begin with it."""

from __future__ import annotations

from uuid import UUID

from django.db.models import CharField

from cloudweb.context import RequestContext
from cloudweb.database.prepared import Given, Prepared
from network.models import Network

_ANY = Prepared(lambda: Network.objects.filter(id=Given("id")))
_SEEN = Prepared(lambda: Network.objects.visible_in(_project()).filter(id=Given("id")))
_ANY_SHOWN = Prepared(lambda: Network.objects.shown_to(_project()).filter(id=Given("id")))
_SHOWN = Prepared(
    lambda: Network.objects.shown_to(_project()).visible_in(_project()).filter(id=Given("id"))
)


def _project() -> Given:
    return Given("project", CharField())


def seen_network(context: RequestContext, network_id: UUID) -> Network | None:
    """Return a network that the caller may see."""
    if context.is_admin:
        return _ANY.row(id=network_id)
    return _SEEN.row(id=network_id, project=context.project_id)


def shown_network(context: RequestContext, network_id: UUID) -> Network | None:
    """Return it as the API shows it to the caller: with ``shared_here``."""
    ask = _ANY_SHOWN if context.is_admin else _SHOWN
    return ask.row(id=network_id, project=context.project_id or "")
