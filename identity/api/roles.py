"""/roles."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Q
from django.http import QueryDict

from cloudweb.listing import Listing
from identity.api.resource import NounViewSet
from identity.api.serializers.roles import ROLE
from identity.manager import RoleManager


class RoleViewSet(NounViewSet):
    """Named sets of rights."""

    manager = RoleManager
    resource = ROLE

    def listing(self, query: QueryDict) -> Listing:
        """Return what the query asks for; without domain_id the roles of the whole cloud."""
        asked = super().listing(query)
        return asked if "domain_id" in query else replace(asked, where=asked.where & Q(domain=None))
