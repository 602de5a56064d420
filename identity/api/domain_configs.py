"""/domains/{id}/config and /domains/config."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.schema import ServiceSchema
from cloudweb.api.views import ServiceViewSet, empty
from identity.api.shapes import ConfigShown
from identity.manager import DomainConfigManager

COMPLIANCE = "security_compliance"
BODY = within("config", ConfigShown)
Word = str | None


class ConfigSchema(ServiceSchema):
    """Routes that differ in how deep they go have names that say it."""

    def get_operation_id(self) -> str:
        """Return the name of a call."""
        deepest = next((one for one in ("option", "group") if f"{{{one}}}" in self.path), "config")
        whose = "domain" if "{domain_id}" in self.path else "default"
        return f"identity_{whose}_{deepest}_{self.method.lower()}"


class DomainConfigViewSet(ServiceViewSet):
    """What is configured for a domain: all of it, one group, or one option without its group."""

    manager = DomainConfigManager
    schema = ConfigSchema()

    @extend_schema(responses={200: BODY})
    def retrieve(
        self, request: Request, domain_id: str, group: Word = None, option: Word = None
    ) -> Response:
        """Return what is set; the group security_compliance is for everybody."""
        manager = self.manager(self.context)
        if group == COMPLIANCE:
            return Response({"config": manager.compliance(domain_id, option)})
        return Response({"config": manager.get(domain_id, group, option)})

    @extend_schema(request=BODY, responses={200: BODY, 201: BODY})
    def replace(self, request: Request, domain_id: str) -> Response:
        """Set all of it."""
        config, new = self.manager(self.context).replace(domain_id, self.body("config"))
        return Response({"config": config}, status=201 if new else 200)

    @extend_schema(request=BODY, responses={200: BODY})
    def partial_update(
        self, request: Request, domain_id: str, group: Word = None, option: Word = None
    ) -> Response:
        """Set what the body names, keep the rest."""
        manager = self.manager(self.context)
        config = manager.update(domain_id, self.body("config"), group, option)
        return Response({"config": config})

    @extend_schema(responses={204: None})
    def destroy(
        self, request: Request, domain_id: str, group: Word = None, option: Word = None
    ) -> Response:
        """Forget what is set."""
        self.manager(self.context).delete(domain_id, group, option)
        return empty(204)

    @extend_schema(responses={200: BODY})
    def default(self, request: Request, group: Word = None, option: Word = None) -> Response:
        """Return what holds where nothing is set."""
        return Response({"config": self.manager(self.context).default(group, option)})
