"""Limits and quota sets (contract 11.3 and 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import NotFound
from cloudweb.microversions import ALWAYS
from cloudweb.microversions.compute import STRICT
from instances.api.serializers import limits as wire
from instances.manager import LimitsManager

LIMITS_QUERY = {"tenant_id": ALWAYS, "project_id": ALWAYS, "reserved": ALWAYS}
#: Accepted; quotas are not divided among users.
QUERY = {"user_id": ALWAYS}
PARAMETERS = parameters(versions=QUERY)


class LimitsViewSet(ServiceViewSet):
    """Absolute limits of a project."""

    manager = LimitsManager

    @extend_schema(
        parameters=parameters(versions=LIMITS_QUERY),
        responses={200: within("limits", wire.LimitsShown)},
    )
    def retrieve(self, request: Request) -> Response:
        """Show limits and use."""
        query = self.query(LIMITS_QUERY, strict=STRICT)
        usage = self.manager(self.context).own(query.get("tenant_id") or query.get("project_id"))
        return Response({"limits": wire.limits_body(usage, self.version)})


class QuotaSetViewSet(ServiceViewSet):
    """Quotas of a project."""

    manager = LimitsManager

    @extend_schema(parameters=PARAMETERS, responses={200: within("quota_set", wire.QuotaSetShown)})
    def retrieve(self, request: Request, project_id: str) -> Response:
        """Show a project's quotas."""
        self.query(QUERY, strict=STRICT)
        usage = self.manager(self.context).get(project_id)
        return Response(
            {"quota_set": wire.quota_body(usage.limits, self.version) | {"id": project_id}}
        )

    @extend_schema(responses={200: within("quota_set", wire.QuotaSetShown)})
    def retrieve_defaults(self, request: Request, project_id: str) -> Response:
        """Show what holds where nothing else was said."""
        found = self.manager(self.context).defaults()
        return Response({"quota_set": wire.quota_body(found, self.version) | {"id": project_id}})

    @extend_schema(parameters=PARAMETERS, responses={200: within("quota_set", wire.QuotaSetDetail)})
    def retrieve_detail(self, request: Request, project_id: str) -> Response:
        """Show quotas with what is used."""
        self.query(QUERY, strict=STRICT)
        limits, used = self.manager(self.context).get(project_id)
        detail = {
            name: {"limit": limit, "in_use": used.get(name, 0), "reserved": 0}
            for name, limit in limits.items()
        }
        unlimited = {"limit": -1, "in_use": 0, "reserved": 0}
        return Response(
            {
                "quota_set": wire.quota_body(detail, self.version, unlimited=unlimited)
                | {"id": project_id}
            }
        )

    @extend_schema(
        request=within("quota_set", wire.QuotaChanges),
        responses={200: within("quota_set", wire.QuotaSet)},
    )
    def update(self, request: Request, project_id: str) -> Response:
        """Set quotas of a project."""
        wanted = self.validated(wire.QuotaChanges, self.body("quota_set"))
        changes = wanted.model_dump(exclude_unset=True)
        found = self.manager(self.context).update(project_id, changes)
        return Response({"quota_set": wire.quota_body(found, self.version)})

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, project_id: str) -> Response:
        """Put a project back to the defaults."""
        self.manager(self.context).reset(project_id)
        return empty(202)


class QuotaClassSetViewSet(ServiceViewSet):
    """The quotas of all projects that have none of their own: the one class there is."""

    manager = LimitsManager

    @extend_schema(responses={200: within("quota_class_set", wire.QuotaClassShown)})
    def retrieve(self, request: Request, name: str) -> Response:
        """Show the quotas."""
        found = self.manager(self.context).of_every_project()
        return Response({"quota_class_set": {**self._body(name, found), "id": name}})

    @extend_schema(
        request=within("quota_class_set", wire.QuotaClassChanges),
        responses={200: within("quota_class_set", wire.QuotaClass)},
    )
    def update(self, request: Request, name: str) -> Response:
        """Set some of them."""
        wanted = self.validated(wire.QuotaClassChanges, self.body("quota_class_set"))
        self._check(name)
        changes = wanted.model_dump(exclude_unset=True)
        found = self.manager(self.context).update_every_project(changes)
        return Response({"quota_class_set": self._body(name, found)})

    def _body(self, name: str, found: Mapping[str, int]) -> dict[str, Any]:
        self._check(name)
        return wire.quota_body(found, self.version, answer=wire.QuotaClass)

    def _check(self, name: str) -> None:
        if name != "default":
            raise NotFound(f"Quota class {name[:64]} could not be found.")
