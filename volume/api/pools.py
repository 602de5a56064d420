"""Pools as the scheduler sees them, and what a back end can do (contract 5.3)."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, OpenAnswer, listing
from cloudweb.api.fields import loose_bool, parse_bool
from cloudweb.api.queries import FLAG, parameters
from cloudweb.api.views import ServiceViewSet
from cloudweb.microversions.volume import since
from cloudweb.times import micros
from cloudweb.version import RELEASE
from volume import conf
from volume.manager import PoolStatManager
from volume.manager.pool_stats import PoolStat
from volume.models import Pool

VENDOR = "Cloudweb"


class PoolShown(Answer):
    """A pool by its name, in detail with what it has and can do."""

    name: str
    capabilities: dict[str, Any] | None = None


class PropertyShown(OpenAnswer):
    """Something that a type may ask of a back end."""

    title: str
    description: str
    type: str


class CapabilitiesShown(Answer):
    """What a back end is and can do."""

    namespace: str
    vendor_name: str
    volume_backend_name: str
    pool_name: str | None
    driver_version: str
    storage_protocol: str
    display_name: str
    description: str
    visibility: str
    replication_targets: list[str]
    properties: dict[str, PropertyShown]


class PoolViewSet(ServiceViewSet):
    """Pools, for operators."""

    manager: ClassVar[type[PoolStatManager]] = PoolStatManager

    @extend_schema(
        operation_id="volume_pools",
        parameters=parameters("volume_type", detail=FLAG),
        responses={200: listing("pools", PoolShown)},
    )
    def list(self, request: Request) -> Response:
        """Return pools, with ``detail`` what they have; from 3.28 on filtered by what that says."""
        asked = request.query_params.dict()
        detailed = parse_bool(asked.pop("detail", None), field="detail")
        kind = asked.pop("volume_type", None) if self.version in since(35) else None
        found = [_shown(stat) for stat in self.manager(self.context).list(volume_type=kind)]
        if self.version in since(28):
            found = [one for one in found if _matches(one, asked)]
        return Response({"pools": found if detailed else [{"name": one["name"]} for one in found]})

    @extend_schema(operation_id="volume_capabilities", responses={200: CapabilitiesShown})
    def capabilities(self, request: Request, host: str) -> Response:
        """Return what a back end is and can do."""
        pools = self.manager(self.context).of_backend(host)
        return Response(_capabilities(host, pools[0], {w for p in pools for w in p.capabilities}))


def _shown(stat: PoolStat) -> dict[str, Any]:
    pool = stat.pool
    facts = {
        "volume_backend_name": pool.backend,
        "pool_name": pool.name,
        "storage_protocol": pool.protocol,
        "vendor_name": VENDOR,
        "driver_version": RELEASE,
        "total_capacity_gb": round(pool.total, 2),
        "free_capacity_gb": round(pool.free, 2),
        "allocated_capacity_gb": pool.provisioned,
        "provisioned_capacity_gb": pool.provisioned,
        "max_over_subscription_ratio": str(pool.ratio or conf.OVERSUBSCRIPTION),
        "reserved_percentage": 0,
        "thin_provisioning_support": True,
        "thick_provisioning_support": False,
        "QoS_support": True,
        "multiattach": "multiattach" in pool.capabilities,
        "capabilities": pool.capabilities,
        "total_volumes": stat.volumes,
        "backend_state": "down" if pool.problem else "up",
        "timestamp": micros(pool.reported_at),
    }
    return {"name": pool.full_name, "capabilities": facts}


def _matches(shown: dict[str, Any], asked: dict[str, str]) -> bool:
    """Tell whether a pool says all that is asked for; what is of no pool's is not asked."""
    facts = {**shown["capabilities"], "name": shown["name"]}
    return all(name not in facts or _same(facts[name], str(value)) for name, value in asked.items())


def _same(fact: Any, said: str) -> bool:
    if isinstance(fact, bool):
        return bool(fact == loose_bool(said))
    if isinstance(fact, list):
        return said in fact
    return str(fact) == said


def _capabilities(host: str, pool: Pool, words: set[str]) -> dict[str, Any]:
    return {
        "namespace": f"OS::Storage::Capabilities::{host}",
        "vendor_name": VENDOR,
        "volume_backend_name": pool.backend,
        "pool_name": pool.name if "#" in host else None,
        "driver_version": RELEASE,
        "storage_protocol": pool.protocol,
        "display_name": pool.driver,
        "description": "",
        "visibility": "public",
        "replication_targets": [],
        "properties": {
            f"capabilities:{word}": {"title": word, "description": word, "type": "boolean"}
            for word in sorted(words)
        },
    }
