"""Limits and quota sets on the wire (contract 11.3 and 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BeforeValidator, Field

from cloudweb.api.answers import Answer
from cloudweb.api.fields import MAX_INT, Body, LooseBool, loose_int
from cloudweb.api.versioned import leave_out
from cloudweb.microversions import Microversion
from cloudweb.microversions.compute import since, until
from instances.manager.limits import Usage

#: Where compute also tells about networks: unlimited here, for the network service keeps their limits.
OF_NETWORKS = until(35)
#: Where the quotas of a class are the same: a version later than those of a project are.
OF_CLASS, GROUPS_OF_CLASS = until(49), since(50)
NETWORK_KEYS = ("fixed_ips", "floating_ips", "security_groups", "security_group_rules")

Limit = Annotated[int, Field(ge=-1, le=MAX_INT), BeforeValidator(loose_int)]
T = TypeVar("T")


class QuotaChanges(Body):
    """The ``quota_set`` of PUT: any of the resources, -1 for no limit.

    ``force`` and ``tenant_id`` are accepted and change nothing; so are the limits of networks.
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
    fixed_ips: Annotated[Limit, OF_NETWORKS] = Field(0, exclude=True)
    floating_ips: Annotated[Limit, OF_NETWORKS] = Field(0, exclude=True)
    security_groups: Annotated[Limit, OF_NETWORKS] = Field(0, exclude=True)
    security_group_rules: Annotated[Limit, OF_NETWORKS] = Field(0, exclude=True)
    force: LooseBool = Field(False, exclude=True)
    tenant_id: str | None = Field(None, exclude=True)


class QuotaClassChanges(QuotaChanges):
    """The ``quota_class_set`` of PUT: those of networks are accepted up to 2.49 and change nothing."""

    server_groups: Annotated[Limit, GROUPS_OF_CLASS] = 0
    server_group_members: Annotated[Limit, GROUPS_OF_CLASS] = 0
    fixed_ips: Annotated[Limit, OF_CLASS] = Field(0, exclude=True)
    floating_ips: Annotated[Limit, OF_CLASS] = Field(0, exclude=True)
    security_groups: Annotated[Limit, OF_CLASS] = Field(0, exclude=True)
    security_group_rules: Annotated[Limit, OF_CLASS] = Field(0, exclude=True)


class Quotas(Answer, Generic[T]):
    """What is said of each resource."""

    instances: T
    cores: T
    ram: T
    metadata_items: T
    key_pairs: T
    server_groups: T
    server_group_members: T
    injected_files: Annotated[T, until(56)]
    injected_file_content_bytes: Annotated[T, until(56)]
    injected_file_path_bytes: Annotated[T, until(56)]
    fixed_ips: Annotated[T, OF_NETWORKS]
    floating_ips: Annotated[T, OF_NETWORKS]
    security_groups: Annotated[T, OF_NETWORKS]
    security_group_rules: Annotated[T, OF_NETWORKS]


class QuotaSet(Quotas[int]):
    """The limits of a project, -1 for none."""


class QuotaSetShown(QuotaSet):
    """The same with the project's id."""

    id: str


class QuotaClass(QuotaSet):
    """The limits of all projects that have none of their own, as a change answers them."""

    server_groups: Annotated[int, GROUPS_OF_CLASS]
    server_group_members: Annotated[int, GROUPS_OF_CLASS]
    fixed_ips: Annotated[int, OF_CLASS]
    floating_ips: Annotated[int, OF_CLASS]
    security_groups: Annotated[int, OF_CLASS]
    security_group_rules: Annotated[int, OF_CLASS]


class QuotaClassShown(QuotaClass):
    """The same with the name of the class."""

    id: str


class ResourceUsed(Answer):
    """The limit of a resource and what is used of it."""

    limit: int
    in_use: int
    reserved: int


class QuotaSetDetail(Quotas[ResourceUsed]):
    """The limits of a project and what is used of them."""

    id: str


class AbsoluteLimits(Answer):
    """What a project may have and has."""

    max_instances: int = Field(alias="maxTotalInstances")
    max_cores: int = Field(alias="maxTotalCores")
    max_ram: int = Field(alias="maxTotalRAMSize")
    max_key_pairs: int = Field(alias="maxTotalKeypairs")
    max_metadata: int = Field(alias="maxServerMeta")
    max_groups: int = Field(alias="maxServerGroups")
    max_group_members: int = Field(alias="maxServerGroupMembers")
    instances: int = Field(alias="totalInstancesUsed")
    cores: int = Field(alias="totalCoresUsed")
    ram: int = Field(alias="totalRAMUsed")
    groups: int = Field(alias="totalServerGroupsUsed")
    max_floating_ips: Annotated[int, OF_NETWORKS] = Field(alias="maxTotalFloatingIps")
    max_security_groups: Annotated[int, OF_NETWORKS] = Field(alias="maxSecurityGroups")
    max_rules: Annotated[int, OF_NETWORKS] = Field(alias="maxSecurityGroupRules")
    floating_ips: Annotated[int, OF_NETWORKS] = Field(alias="totalFloatingIpsUsed")
    security_groups: Annotated[int, OF_NETWORKS] = Field(alias="totalSecurityGroupsUsed")
    max_image_metadata: Annotated[int, until(38)] = Field(alias="maxImageMeta")
    max_files: Annotated[int, until(56)] = Field(alias="maxPersonality")
    max_file_bytes: Annotated[int, until(56)] = Field(alias="maxPersonalitySize")


class LimitsShown(Answer):
    """Limits; rates are not limited by project."""

    rate: list[Any]
    absolute: AbsoluteLimits


def limits_body(usage: Usage, version: Microversion) -> dict[str, Any]:
    """Return what GET /limits shows."""
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
        "totalServerGroupsUsed": used["server_groups"],
        "maxTotalFloatingIps": -1,
        "maxSecurityGroups": -1,
        "maxSecurityGroupRules": -1,
        "totalFloatingIpsUsed": 0,
        "totalSecurityGroupsUsed": 0,
        "maxImageMeta": limits["metadata_items"],
        "maxPersonality": limits["injected_files"],
        "maxPersonalitySize": limits["injected_file_content_bytes"],
    }
    return {"rate": [], "absolute": leave_out(AbsoluteLimits, version, data)}


def quota_body(
    values: Mapping[str, Any],
    version: Microversion,
    *,
    unlimited: Any = -1,
    answer: type[QuotaSet] = QuotaSet,
) -> dict[str, Any]:
    """Return a quota set; ``unlimited`` is what is said of what has no limit."""
    data = {**values, **dict.fromkeys(NETWORK_KEYS, unlimited)}
    return leave_out(answer, version, data)
