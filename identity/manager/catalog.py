"""The catalog: which services answer where, for whom."""

from __future__ import annotations

from collections.abc import Sequence

from cloudweb.exceptions import Forbidden
from cloudweb.manager import Manager
from cloudweb.policy import policy
from identity.manager.endpoint_filters import Offer, offers_to


class CatalogManager(Manager):
    """What a token may use of the services and their endpoints."""

    @policy("identity:auth_catalog:get")
    def of_token(self) -> Sequence[Offer]:
        """Return the services a scoped token may use, with their endpoints."""
        context = self.context
        if not (context.project_id or context.domain_id or context.system_scope):
            raise Forbidden("A scoped token is required to see the catalog.")
        return offers_to(context.project_id or "")
