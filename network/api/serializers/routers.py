"""Routers on the wire."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, model_validator

from cloudweb.api.fields import Body, IpAddress, IpPrefix, LooseBool, Text
from cloudweb.api.filters import equal, flag
from cloudweb.api.resource import Resource
from cloudweb.api.shown import Of
from network import conf
from network.api.filters import STANDARD_FILTERS, STANDARD_SORT_KEYS
from network.api.serializers.attributes import Change, Creation, Nothing, StandardShown
from network.manager.router_gateway import Gateway
from network.manager.router_ports import Interface
from network.models import Router

Zone = Annotated[str, Field(max_length=255)]


class ExternalIp(Body):
    """An address of the gateway that is wished for: of a subnet, exactly one, or both."""

    subnet_id: UUID | None = None
    ip_address: IpAddress | None = None

    @model_validator(mode="after")
    def _says_something(self) -> ExternalIp:
        if self.subnet_id is None and self.ip_address is None:
            raise ValueError("It needs a subnet_id or an ip_address")
        return self

    def wish(self) -> dict[str, str]:
        """Return it by the names that managers use."""
        said = {"subnet_id": self.subnet_id, "ip_address": self.ip_address}
        return {name: str(value) for name, value in said.items() if value is not None}


class GatewayInfo(Body):
    """Where a router leads; without a network nowhere."""

    network_id: UUID | None = None
    enable_snat: LooseBool | None = None
    external_fixed_ips: Annotated[tuple[ExternalIp, ...], Field(max_length=8)] | None = None
    qos_policy_id: UUID | None = None

    def gateway(self) -> Gateway | None:
        """Return it as the manager takes it."""
        if self.network_id is None:
            return None
        wishes = self.external_fixed_ips
        return Gateway(
            network_id=self.network_id,
            enable_snat=self.enable_snat,
            external_fixed_ips=None if not wishes else [one.wish() for one in wishes],
            qos_policy_id=self.qos_policy_id,
            has_policy="qos_policy_id" in self.model_fields_set,
        )


class RouterRoute(Body):
    """A route of a router."""

    destination: IpPrefix
    nexthop: IpAddress


Routes = Annotated[tuple[RouterRoute, ...], Field(max_length=100)]


class RouterCreate(Creation):
    """POST /routers."""

    name: Text = ""
    admin_state_up: LooseBool = True
    external_gateway_info: GatewayInfo | None = None
    availability_zone_hints: Annotated[tuple[Zone, ...], Field(max_length=16)] = ()

    def said(self) -> dict[str, Any]:
        """Return what the client said, with the gateway as the manager takes it."""
        return _with_gateway(super().said())


class RouterUpdate(Change):
    """PUT /routers/{id}."""

    name: Text = ""
    admin_state_up: LooseBool = True
    external_gateway_info: GatewayInfo | None = None
    routes: Routes | None = None

    def said(self) -> dict[str, Any]:
        """Return what the client said, by the names that managers use."""
        said = _with_gateway(super().said())
        if "routes" in said:
            said["routes"] = [route.model_dump() for route in self.routes or ()]
        return said


class ExtraRoutes(Body):
    """The routes to add or to remove."""

    routes: Routes


class InterfaceWish(Body):
    """PUT …/add_router_interface and …/remove_router_interface."""

    subnet_id: UUID | None = None
    port_id: UUID | None = None


class InterfaceBody(Body):
    """The interface that was added or removed."""

    id: str
    tenant_id: str
    project_id: str
    port_id: str
    network_id: str
    subnet_id: str | None
    subnet_ids: tuple[str, ...]


def _with_gateway(said: dict[str, Any]) -> dict[str, Any]:
    if "external_gateway_info" in said:
        info = said.pop("external_gateway_info")
        said["gateway"] = info.gateway() if info is not None else None
    return said


def interface_body(interface: Interface) -> dict[str, Any]:
    """Return an interface as clients are answered."""
    router, subnets = interface.router, [str(one) for one in interface.subnet_ids]
    return InterfaceBody(
        id=str(router.id),
        tenant_id=router.project_id,
        project_id=router.project_id,
        port_id=str(interface.port_id),
        network_id=str(interface.network_id),
        subnet_id=subnets[0] if subnets else None,
        subnet_ids=tuple(subnets),
    ).model_dump()


class ExternalIpShown(Body):
    """An address of the gateway."""

    subnet_id: str
    ip_address: str


class GatewayShown(Body):
    """Where a router leads."""

    network_id: str
    enable_snat: bool
    external_fixed_ips: list[ExternalIpShown]
    qos_policy_id: str | None


def _gateway_info(router: Router) -> dict[str, Any] | None:
    gateway = router.gateway
    if gateway is None:
        return None
    return {
        "network_id": str(gateway.network_id),
        "enable_snat": router.enable_snat,
        "external_fixed_ips": [
            {"subnet_id": str(one.subnet_id), "ip_address": one.ip_address}
            for one in gateway.port.addresses.all()
        ],
        "qos_policy_id": router.qos_policy_id and str(router.qos_policy_id),
    }


class RouterShown(StandardShown):
    """A router."""

    name: str
    admin_state_up: bool
    status: str
    external_gateway_info: Annotated[GatewayShown | None, Of(_gateway_info)]
    routes: list[dict[str, str]]
    availability_zone_hints: list[str]
    availability_zones: Annotated[list[str], Of(lambda row: conf.ZONES if row.host else [])]
    flavor_id: Nothing


ROUTER = Resource(
    singular="router",
    plural="routers",
    answer=RouterShown,
    create=RouterCreate,
    update=RouterUpdate,
    filters={
        **STANDARD_FILTERS,
        "name": equal("name"),
        "admin_state_up": flag("admin_state_up"),
        "enable_snat": flag("enable_snat"),
    },
    sort_keys={**STANDARD_SORT_KEYS, "name": "name", "admin_state_up": "admin_state_up"},
)
