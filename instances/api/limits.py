"""Limits and quota sets (contract 11.3 and 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from drf_spectacular.utils import extend_schema
from pydantic import BeforeValidator, Field
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import within
from cloudweb.api.fields import MAX_INT, Body, LooseBool, loose_int
from cloudweb.api.microversion import Transform, older, without
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import STRICT, since, until
from instances.manager import LimitsManager
from instances.manager.limits import Usage

#: Until 2.35 compute also told about addresses and groups, which are the network's: unlimited here.
NETWORK_KEYS = ("fixed_ips", "floating_ips", "security_groups", "security_group_rules")
FILE_KEYS = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")


Limit = Annotated[int, BeforeValidator(loose_int), Field(ge=-1, le=MAX_INT)]


class QuotaChanges(Body):
    """The ``quota_set`` of PUT: any of the resources, -1 for no limit.

    ``force`` and ``tenant_id`` are accepted and change nothing; so are the limits of networks, which
    the network service keeps.
    """

    instances: Limit = 0
    cores: Limit = 0
    ram: Limit = 0
    metadata_items: Limit = 0
    key_pairs: Limit = 0
    server_groups: Limit = 0
    server_group_members: Limit = 0
    injected_files: Annotated[Limit, until(56)] = 0
    injected_file_content_bytes: Annotated[Limit, until(56)] = 0
    injected_file_path_bytes: Annotated[Limit, until(56)] = 0
    fixed_ips: Annotated[Limit, until(35)] = Field(0, exclude=True)
    floating_ips: Annotated[Limit, until(35)] = Field(0, exclude=True)
    security_groups: Annotated[Limit, until(35)] = Field(0, exclude=True)
    security_group_rules: Annotated[Limit, until(35)] = Field(0, exclude=True)
    force: LooseBool = Field(False, exclude=True)
    tenant_id: str | None = Field(None, exclude=True)


class LimitsViewSet(ServiceViewSet):
    """Absolute limits of a project."""

    manager = LimitsManager

    @extend_schema(responses={200: dict})
    def retrieve(self, request: Request) -> Response:
        """Show limits and use."""
        self.known_query("tenant_id", "project_id", "reserved", strict=STRICT)
        query = request.query_params
        usage = self.manager(self.context).own(query.get("tenant_id") or query.get("project_id"))
        return Response({"limits": {"rate": [], "absolute": self._absolute(usage)}})

    def _absolute(self, usage: Usage) -> dict[str, int]:
        limits, used = usage
        data = {
            "maxTotalInstances": limits["instances"],
            "maxTotalCores": limits["cores"],
            "maxTotalRAMSize": limits["ram"],
            "maxTotalKeypairs": limits["key_pairs"],
            "maxServerMeta": limits["metadata_items"],
            "maxServerGroups": limits["server_groups"],
            "maxServerGroupMembers": limits["server_group_members"],
            "totalInstancesUsed": used["instances"],
            "totalCoresUsed": used["cores"],
            "totalRAMUsed": used["ram"],
            "totalServerGroupsUsed": 0,
        }

        def with_network(older_data: dict[str, Any]) -> None:
            older_data |= {
                "maxTotalFloatingIps": -1,
                "maxSecurityGroups": -1,
                "maxSecurityGroupRules": -1,
                "totalFloatingIpsUsed": 0,
                "totalSecurityGroupsUsed": 0,
            }

        def with_image_items(older_data: dict[str, Any]) -> None:
            older_data["maxImageMeta"] = limits["metadata_items"]

        def with_files(older_data: dict[str, Any]) -> None:
            older_data["maxPersonality"] = limits["injected_files"]
            older_data["maxPersonalitySize"] = limits["injected_file_content_bytes"]

        changes: tuple[Transform, ...] = (
            (Microversion(2, 36), with_network),
            (Microversion(2, 39), with_image_items),
            (Microversion(2, 57), with_files),
        )
        return older(data, self.version, changes)


class QuotaSetViewSet(ServiceViewSet):
    """Quotas of a project."""

    manager = LimitsManager

    def _form(self, values: Mapping[str, Any], *, missing: Any = -1) -> dict[str, Any]:
        data = dict(values)
        if self.version in since(57):
            without(*FILE_KEYS)(data)
        if self.version in until(35):
            data |= dict.fromkeys(NETWORK_KEYS, missing)
        return data

    @extend_schema(responses={200: dict})
    def retrieve(self, request: Request, project_id: str) -> Response:
        """Show a project's quotas."""
        self.known_query("user_id", strict=STRICT)
        usage = self.manager(self.context).get(project_id)
        return Response({"quota_set": self._form(usage.limits) | {"id": project_id}})

    @extend_schema(responses={200: dict})
    def retrieve_defaults(self, request: Request, project_id: str) -> Response:
        """Show what holds where nothing else was said."""
        found = self.manager(self.context).defaults()
        return Response({"quota_set": self._form(found) | {"id": project_id}})

    @extend_schema(responses={200: dict})
    def retrieve_detail(self, request: Request, project_id: str) -> Response:
        """Show quotas with what is used."""
        self.known_query("user_id", strict=STRICT)
        limits, used = self.manager(self.context).get(project_id)
        detail = {
            name: {"limit": limit, "in_use": used.get(name, 0), "reserved": 0}
            for name, limit in limits.items()
        }
        unlimited = {"limit": -1, "in_use": 0, "reserved": 0}
        return Response({"quota_set": self._form(detail, missing=unlimited) | {"id": project_id}})

    @extend_schema(request=within("quota_set", QuotaChanges), responses={200: dict})
    def update(self, request: Request, project_id: str) -> Response:
        """Set quotas of a project."""
        wanted = self.validated(QuotaChanges, self.body("quota_set"))
        changes = wanted.model_dump(exclude_unset=True)
        found = self.manager(self.context).update(project_id, changes)
        return Response({"quota_set": self._form(found)})

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, project_id: str) -> Response:
        """Put a project back to the defaults."""
        self.manager(self.context).reset(project_id)
        return empty(202)
