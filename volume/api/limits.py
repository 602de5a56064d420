"""Limits, quota sets and the quotas of all projects (contract 11.3 and 5.3)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.fields import parse_bool
from cloudweb.api.queries import FLAG, parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import NotFound
from cloudweb.microversions.volume import since
from volume.api.serializers import limits as wire
from volume.manager import LimitsManager

SET = within("quota_set", wire.QuotaSet)
SHOWN = within("quota_set", wire.QuotaSetShown)
CLASS = within("quota_class_set", wire.QuotaClassSetShown)


class LimitsViewSet(ServiceViewSet):
    """Absolute limits of a project."""

    manager = LimitsManager

    @extend_schema(
        operation_id="volume_limits",
        parameters=parameters("project_id"),
        responses={200: within("limits", wire.LimitsShown)},
    )
    def retrieve(self, request: Request) -> Response:
        """Show limits and use of the token's project, from 3.39 on of any project to operators."""
        asked = request.query_params
        other = asked.get("project_id") or asked.get("tenant_id")
        usage = self.manager(self.context).own(other if self.version in since(39) else None)
        return Response({"limits": wire.limits_body(usage)})


class QuotaSetViewSet(ServiceViewSet):
    """Quotas of a project."""

    manager = LimitsManager

    @extend_schema(
        operation_id="volume_quota_sets_get",
        parameters=parameters(usage=FLAG),
        responses={200: SHOWN},
    )
    def retrieve(self, request: Request, project_id: str) -> Response:
        """Show a project's quotas, and what is used of them if the query says so."""
        manager, found = self.manager(self.context), {}
        if parse_bool(request.query_params.get("usage"), field="usage"):
            found = dict(wire.usage_body(manager.get(project_id)))
        return self._one(project_id, found or dict(manager.limits(project_id)))

    @extend_schema(operation_id="volume_quota_sets_defaults", responses={200: SHOWN})
    def retrieve_defaults(self, request: Request, project_id: str) -> Response:
        """Show what holds where nothing else was said."""
        return self._one(project_id, dict(self.manager(self.context).defaults(project_id)))

    @extend_schema(
        operation_id="volume_quota_sets_update",
        request=within("quota_set", wire.QuotaChanges),
        parameters=parameters(skip_validation=FLAG),
        responses={200: SET},
    )
    def update(self, request: Request, project_id: str) -> Response:
        """Set quotas of a project; none below what is used, if ``skip_validation`` is false."""
        skip = parse_bool(request.query_params.get("skip_validation"), field="skip_validation")
        changes = self.validated(wire.QuotaChanges, self.body("quota_set")).said()
        found = self.manager(self.context).update(project_id, changes, above_used=skip is False)
        return Response({"quota_set": found})

    @extend_schema(operation_id="volume_quota_sets_delete", responses={200: None})
    def destroy(self, request: Request, project_id: str) -> Response:
        """Put a project back to the defaults (200, no body)."""
        self.manager(self.context).reset(project_id)
        return empty(200)

    def _one(self, project_id: str, found: dict[str, Any]) -> Response:
        return Response({"quota_set": {"id": project_id, **found}})


class QuotaClassSetViewSet(ServiceViewSet):
    """The quotas of all projects that have none of their own: the one class there is."""

    manager = LimitsManager

    @extend_schema(operation_id="volume_quota_class_sets_get", responses={200: CLASS})
    def retrieve(self, request: Request, name: str) -> Response:
        """Show the quotas."""
        found = self.manager(self.context).of_every_project()
        return self._one(name, dict(found))

    @extend_schema(
        operation_id="volume_quota_class_sets_update",
        request=within("quota_class_set", wire.QuotaClassChanges),
        responses={200: CLASS},
    )
    def update(self, request: Request, name: str) -> Response:
        """Set some of them."""
        changes = self.validated(wire.QuotaClassChanges, self.body("quota_class_set")).said()
        if name != "default":
            raise NotFound(f"Quota class {name[:64]} could not be found.")
        found = self.manager(self.context).update_every_project(changes)
        return self._one(name, dict(found))

    def _one(self, name: str, found: dict[str, Any]) -> Response:
        if name != "default":
            raise NotFound(f"Quota class {name[:64]} could not be found.")
        return Response({"quota_class_set": {"id": name, **found}})
