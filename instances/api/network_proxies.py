"""Networks, floating IPs and groups as the compute API passed them on below 2.36 (contract 3.5)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest, NotFound
from cloudweb.listing import Listing
from instances.api.removed import RemovedWrites
from instances.api.serializers import network_proxies as wire
from instances.api.volume_proxies import PROXIED
from network.manager import (
    FloatingIpManager,
    NetworkManager,
    SecurityGroupManager,
    SecurityGroupRuleManager,
)


class NetworkProxyViewSet(RemovedWrites):
    """``/os-networks``, of which networks are read alone."""

    manager: ClassVar[type[NetworkManager]] = NetworkManager

    @PROXIED
    @extend_schema(responses={200: listing("networks", wire.ProxiedNetwork)})
    def list(self, request: Request) -> Response:
        """List the networks."""
        rows = self.manager(self.context).list().rows
        return Response({"networks": self.shown_all(wire.ProxiedNetwork, rows)})

    @PROXIED
    @extend_schema(responses={200: within("network", wire.ProxiedNetwork)})
    def retrieve(self, request: Request, network_id: str) -> Response:
        """Show a network."""
        row = self.manager(self.context).get(network_id)
        return Response({"network": self.shown(wire.ProxiedNetwork, row)})


class TenantNetworkProxyViewSet(RemovedWrites):
    """``/os-tenant-networks``."""

    manager: ClassVar[type[NetworkManager]] = NetworkManager

    @PROXIED
    @extend_schema(responses={200: listing("networks", wire.ProxiedTenantNetwork)})
    def list(self, request: Request) -> Response:
        """List the networks."""
        rows = self.manager(self.context).list().rows
        return Response({"networks": self.shown_all(wire.ProxiedTenantNetwork, rows)})

    @PROXIED
    @extend_schema(responses={200: within("network", wire.ProxiedTenantNetwork)})
    def retrieve(self, request: Request, network_id: str) -> Response:
        """Show a network."""
        row = self.manager(self.context).get(network_id)
        return Response({"network": self.shown(wire.ProxiedTenantNetwork, row)})


class FloatingIpProxyViewSet(ServiceViewSet):
    """``/os-floating-ips``, and the pools they are taken from: networks that lead outside."""

    manager: ClassVar[type[FloatingIpManager]] = FloatingIpManager

    @PROXIED
    @extend_schema(responses={200: listing("floating_ips", wire.ProxiedFloatingIp)})
    def list(self, request: Request) -> Response:
        """List the project's addresses."""
        own = _own(self.context)
        rows = self.manager(self.context).list(own).rows
        return Response({"floating_ips": self.shown_all(wire.ProxiedFloatingIp, rows)})

    @PROXIED
    @extend_schema(
        request=wire.FloatingIpWanted,
        responses={200: within("floating_ip", wire.ProxiedFloatingIp)},
    )
    def create(self, request: Request) -> Response:
        """Take an address of a pool, named or by its id; of the only one where none is said."""
        pool = self.validated(wire.FloatingIpWanted).pool
        pools = self._pools()
        found = [one for one in pools if pool in (None, one.name, str(one.id))]
        if not found:
            raise NotFound("Floating IP pool not found.")
        if len(found) > 1:
            raise BadRequest("There are several floating IP pools: name one.")
        manager = self.manager(self.context)
        row = manager.get(manager.create(floating_network_id=found[0].id).id)
        return Response({"floating_ip": self.shown(wire.ProxiedFloatingIp, row)})

    @PROXIED
    @extend_schema(responses={200: within("floating_ip", wire.ProxiedFloatingIp)})
    def retrieve(self, request: Request, floating_ip_id: str) -> Response:
        """Show an address."""
        row = self.manager(self.context).get(floating_ip_id)
        return Response({"floating_ip": self.shown(wire.ProxiedFloatingIp, row)})

    @PROXIED
    @extend_schema(responses={202: None})
    def destroy(self, request: Request, floating_ip_id: str) -> Response:
        """Give an address back."""
        self.manager(self.context).delete(floating_ip_id)
        return empty(202)

    @PROXIED
    @extend_schema(responses={200: listing("floating_ip_pools", wire.ProxiedPool)})
    def pools(self, request: Request) -> Response:
        """List the pools."""
        return Response({"floating_ip_pools": self.shown_all(wire.ProxiedPool, self._pools())})

    def _pools(self) -> Any:
        return NetworkManager(self.context).list(Listing(where=Q(external=True))).rows


class SecurityGroupProxyViewSet(ServiceViewSet):
    """``/os-security-groups``: entering traffic alone."""

    manager: ClassVar[type[SecurityGroupManager]] = SecurityGroupManager

    @PROXIED
    @extend_schema(responses={200: listing("security_groups", wire.ProxiedGroup)})
    def list(self, request: Request) -> Response:
        """List the project's groups."""
        own = _own(self.context)
        rows = self.manager(self.context).list(own).rows
        return Response({"security_groups": self.shown_all(wire.ProxiedGroup, rows)})

    @PROXIED
    @extend_schema(
        request=within("security_group", wire.GroupWanted),
        responses={200: within("security_group", wire.ProxiedGroup)},
    )
    def create(self, request: Request) -> Response:
        """Create a group."""
        said = self.validated(wire.GroupWanted, self.body("security_group"))
        manager = self.manager(self.context)
        row = manager.get(manager.create(name=said.name, description=said.description or "").id)
        return Response({"security_group": self.shown(wire.ProxiedGroup, row)})

    @PROXIED
    @extend_schema(responses={200: within("security_group", wire.ProxiedGroup)})
    def retrieve(self, request: Request, group_id: str) -> Response:
        """Show a group."""
        row = self.manager(self.context).get(group_id)
        return Response({"security_group": self.shown(wire.ProxiedGroup, row)})

    @PROXIED
    @extend_schema(
        request=within("security_group", wire.GroupWanted),
        responses={200: within("security_group", wire.ProxiedGroup)},
    )
    def update(self, request: Request, group_id: str) -> Response:
        """Change its name and description."""
        said = self.validated(wire.GroupWanted, self.body("security_group"))
        manager = self.manager(self.context)
        manager.update(group_id, name=said.name, description=said.description or "")
        return Response({"security_group": self.shown(wire.ProxiedGroup, manager.get(group_id))})

    @PROXIED
    @extend_schema(responses={202: None})
    def destroy(self, request: Request, group_id: str) -> Response:
        """Delete a group."""
        self.manager(self.context).delete(group_id)
        return empty(202)


class SecurityGroupRuleProxyViewSet(ServiceViewSet):
    """``/os-security-group-rules``: entering traffic alone."""

    manager: ClassVar[type[SecurityGroupRuleManager]] = SecurityGroupRuleManager

    @PROXIED
    @extend_schema(
        request=within("security_group_rule", wire.RuleWanted),
        responses={200: within("security_group_rule", wire.ProxiedRule)},
    )
    def create(self, request: Request) -> Response:
        """Let something in."""
        said = self.validated(wire.RuleWanted, self.body("security_group_rule"))
        manager = self.manager(self.context)
        row = manager.get(manager.create(**said.rule()).id)
        return Response({"security_group_rule": wire.rule(row)})

    @PROXIED
    @extend_schema(responses={202: None})
    def destroy(self, request: Request, rule_id: str) -> Response:
        """Let it in no longer."""
        self.manager(self.context).delete(rule_id)
        return empty(202)


def _own(context: RequestContext) -> Listing:
    """Ask for what is the project's own, whatever else the caller sees; for all without a project."""
    return Listing(where=Q(project_id=context.project_id)) if context.project_id else Listing()
