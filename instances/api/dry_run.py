"""POST /os-dry-run: what a create would come to, of Cloudweb's own."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, within
from cloudweb.policy import allows
from compute.scheduler import Verdict
from instances.api.serializers.server_bodies import (
    HINTS,
    SchedulerHints,
    ServerCreate,
    check_networks,
)
from instances.api.servers import ServerAsking
from instances.manager import InstanceManager

#: Who may is told of hosts by name.
SEES_HOSTS = "compute:hosts:list"


class DryRunRemoved(Answer):
    """How many hosts a filter removed."""

    filter: str
    hosts: int
    reason: str


class DryRunRefusal(Answer):
    """Why a host is refused."""

    filter: str
    reason: str


class DryRunHost(Answer):
    """A host; the greater the weight the better."""

    host: str
    availability_zone: str
    refused: list[DryRunRefusal]
    weight: float
    weights: dict[str, float]


class DryRunShown(Answer):
    """The verdict; ``drawn_from`` and ``hosts`` are for operators, empty for others."""

    fits: bool
    reason: str
    total_hosts: int
    removed: list[DryRunRemoved]
    drawn_from: list[str]
    hosts: list[DryRunHost]


class DryRunViewSet(ServerAsking):
    """What a create would come to."""

    manager = InstanceManager

    @extend_schema(
        request=within("server", ServerCreate, **dict.fromkeys(HINTS, SchedulerHints | None)),
        responses={200: within("dry_run", DryRunShown)},
    )
    def create(self, request: Request) -> Response:
        """Take what POST /servers takes, and say where the server would go; nothing is made."""
        body = self.body("server")
        check_networks(body, self.version)
        verdict = self.manager(self.context).consider(
            self.wanted(self.validated(ServerCreate, body), password="")
        )
        shown = _shown(verdict, names=allows(self.context, SEES_HOSTS))
        return Response({"dry_run": shown.model_dump()})


def _shown(verdict: Verdict, *, names: bool) -> DryRunShown:
    hosts = verdict.hosts if names else ()
    return DryRunShown(
        fits=verdict.fits,
        reason=verdict.reason,
        total_hosts=verdict.total,
        removed=[
            DryRunRemoved(filter=one.filter, hosts=one.count, reason=one.words)
            for one in verdict.removed
        ],
        drawn_from=list(verdict.drawn_from if names else ()),
        hosts=[
            DryRunHost(
                host=host.name,
                availability_zone=host.zone,
                refused=[DryRunRefusal(filter=name, reason=why) for name, why in host.refused],
                weight=round(host.weight, 3),
                weights=dict(host.weights),
            )
            for host in hosts
        ],
    )
