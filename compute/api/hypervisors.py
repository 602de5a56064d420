"""Hypervisors: hosts and their capacity, for operators."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, page, within
from cloudweb.api.fields import parse_bool
from cloudweb.api.page_links import page_links
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import FLAG, parameters
from cloudweb.api.views import ServiceViewSet
from cloudweb.exceptions import BadRequest
from cloudweb.microversions.compute import STRICT, since, until
from compute.api.serializers import hypervisors as wire
from compute.manager import Hypervisor, HypervisorManager

PAGED = since(33)
QUERY = {
    "hypervisor_hostname_pattern": since(53),
    "with_servers": since(53),
    "limit": PAGED,
    "marker": PAGED,
}
PARAMETERS = parameters(versions=QUERY, with_servers=FLAG)
#: Clients that cannot page get all.
ALL = 1_000_000


class HypervisorViewSet(ServiceViewSet):
    """List and show."""

    manager: ClassVar[type[HypervisorManager]] = HypervisorManager

    @property
    def numeric(self) -> bool:
        """Tell whether ids are numbers at this version."""
        return self.version in wire.NUMERIC

    @extend_schema(
        parameters=PARAMETERS, responses={200: page("hypervisors", wire.HypervisorBrief)}
    )
    def list(self, request: Request) -> Response:
        """Return names and states."""
        return self._page(wire.HypervisorBrief)

    @extend_schema(
        parameters=PARAMETERS, responses={200: page("hypervisors", wire.HypervisorShown)}
    )
    def list_detail(self, request: Request) -> Response:
        """Return whole hypervisors."""
        return self._page(wire.HypervisorShown)

    @extend_schema(responses={200: within("hypervisor", wire.HypervisorShown)})
    def retrieve(self, request: Request, hypervisor_id: str) -> Response:
        """Return one hypervisor."""
        item = self.manager(self.context).get(hypervisor_id, numeric=self.numeric)
        [body] = wire.hypervisors(
            wire.HypervisorShown, [item], self.scene, with_servers=self._with_servers()
        )
        return Response({"hypervisor": body})

    @until(87)
    @extend_schema(responses={200: within("hypervisor_statistics", wire.HypervisorSums)})
    def statistics(self, request: Request) -> Response:
        """Return sums over all hypervisors."""
        body = self.shown(wire.HypervisorSums, self.manager(self.context).statistics())
        return Response({"hypervisor_statistics": body})

    @until(87)
    @extend_schema(responses={200: within("hypervisor", wire.HypervisorUptime)})
    def uptime(self, request: Request, hypervisor_id: str) -> Response:
        """Return how long a host is up; empty where it does not say, 400 where it is down."""
        item = self.manager(self.context).uptime(hypervisor_id, numeric=self.numeric)
        [body] = wire.hypervisors(wire.HypervisorUptime, [item], self.scene)
        return Response({"hypervisor": body})

    @until(52)
    @extend_schema(responses={200: listing("hypervisors", wire.HypervisorBrief)})
    def search(self, request: Request, pattern: str) -> Response:
        """Return hypervisors by a part of their name."""
        found = self.manager(self.context).search(pattern)
        return Response({"hypervisors": wire.hypervisors(wire.HypervisorBrief, found, self.scene)})

    @until(52)
    @extend_schema(responses={200: listing("hypervisors", wire.HypervisorBrief)})
    def servers(self, request: Request, pattern: str) -> Response:
        """Return the servers on hypervisors by a part of their name."""
        found = self.manager(self.context).search(pattern)
        rows = wire.hypervisors(wire.HypervisorBrief, found, self.scene, with_servers=True)
        return Response({"hypervisors": rows})

    def _page(self, answer: type[wire.HypervisorBrief]) -> Response:
        query = self.query(QUERY, strict=STRICT)
        hypervisors = self.manager(self.context)
        pattern = query.get("hypervisor_hostname_pattern")
        with_servers = self._with_servers()
        if pattern is not None:
            if "limit" in query or "marker" in query:
                raise BadRequest(
                    "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported."
                )
            rows, more = hypervisors.search(pattern), False
        else:
            found = hypervisors.list(
                limit=parse_limit(query.get("limit")) if self.version in PAGED else ALL,
                marker=query.get("marker"),
                numeric=self.numeric,
            )
            rows, more = found.rows, found.more
        body = wire.hypervisors(answer, rows, self.scene, with_servers=with_servers)
        after = self._id_of(rows[-1]) if more else None
        links = page_links(self.request, "hypervisors", after=after)
        return Response({"hypervisors": body, **links})

    def _id_of(self, item: Hypervisor) -> str:
        return str(item.host.number if self.numeric else item.host.id)

    def _with_servers(self) -> bool:
        """Read ``with_servers``, from 2.53."""
        if self.numeric:
            return False
        given = self.request.query_params.get("with_servers")
        return bool(parse_bool(given, field="with_servers", default=False))
