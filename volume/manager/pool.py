"""Pools: what hosts report of them, and what operators decide about them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from django.db.models import ProtectedError

from cloudweb.database.clock import now
from cloudweb.database.many import update_each
from cloudweb.identifiers import as_uuid
from cloudweb.manager import Manager
from cloudweb.policy import policy
from volume import conf
from volume.exceptions import PoolInUse, PoolNotFound
from volume.models import Pool
from volume.objects import PoolState

log = structlog.get_logger(__name__)
GIB = 1024**3
#: What is the matter with a pool that its host has no more.
UNREPORTED = "Its host does not report it any more."


class PoolManager(Manager):
    """Where volumes are kept."""

    @policy("volume:pools:list")
    def list(self) -> Sequence[Pool]:
        """Return all pools by host, back end and name."""
        return list(Pool.objects.order_by("host", "backend", "name"))

    @policy("volume:pools:list")
    def get(self, pool_id: str | uuid.UUID) -> Pool:
        """Return a pool; raise PoolNotFound."""
        key = as_uuid(str(pool_id))
        found = Pool.objects.filter(id=key).first() if key else None
        if found is None:
            raise PoolNotFound(pool_id)
        return found

    @policy("volume:pools:report")
    def report(self, told: Mapping[str, Sequence[PoolState]]) -> None:
        """Note by host which pools it has and what is free there; its first report makes a pool's row."""
        rows = {
            (pool.host, pool.backend, pool.name): pool
            for pool in Pool.objects.filter(host__in=told)
        }
        moment, changed = now(), []
        for host, pools in told.items():
            for state in pools:
                row = rows.pop((host, state.backend, state.name), None)
                facts = {**_facts(state), "reported_at": moment}
                if row is not None:
                    changed.append({"id": row.id, **facts})
                    continue
                Pool.objects.update_or_create(
                    host=host,
                    backend=state.backend,
                    name=state.name,
                    defaults=facts,
                    create_defaults={**facts, "zone": conf.DEFAULT_ZONE},
                )
                log.info("new pool", host=host, backend=state.backend, pool=state.name)
        update_each(Pool, changed, key="id")
        gone = [row.id for row in rows.values() if row.problem != UNREPORTED]
        if gone:
            Pool.objects.filter(id__in=gone).update(problem=UNREPORTED)

    @policy("volume:pools:update")
    def enable(self, pool_id: str | uuid.UUID) -> Pool:
        """Let volumes be placed in the pool again."""
        return self._change(pool_id, enabled=True, disabled_reason="")

    @policy("volume:pools:update")
    def disable(self, pool_id: str | uuid.UUID, *, reason: str = "") -> Pool:
        """Place no further volumes in the pool; those there go on."""
        return self._change(pool_id, enabled=False, disabled_reason=reason)

    @policy("volume:pools:update")
    def freeze(self, pool_id: str | uuid.UUID, *, frozen: bool) -> Pool:
        """Let nothing new come to the pool while another stands in for it, or let it again."""
        return self._change(pool_id, frozen=frozen)

    @policy("volume:pools:update")
    def configure(self, pool_id: str | uuid.UUID, *, zone: str, ratio: float | None) -> Pool:
        """Set the availability zone, and how far the pool is over-promised (None: the setting's)."""
        return self._change(pool_id, zone=zone, ratio=ratio)

    @policy("volume:pools:update")
    def delete(self, pool_id: str | uuid.UUID) -> None:
        """Forget a pool without volumes; a live one comes back with its next report."""
        pool = self.get(pool_id)
        try:
            pool.delete()
        except ProtectedError as error:
            raise PoolInUse(pool.full_name) from error
        log.info("pool forgotten", pool=pool.full_name, user_id=self.context.user_id)

    def _change(self, pool_id: str | uuid.UUID, **facts: Any) -> Pool:
        pool = self.get(pool_id)
        Pool.objects.filter(id=pool.id).update(**facts)
        log.info("pool changed", pool=pool.full_name, user_id=self.context.user_id, **facts)
        return self.get(pool.id)


def _facts(state: PoolState) -> dict[str, Any]:
    """Return the columns that a report changes."""
    return {
        "driver": state.driver,
        "protocol": state.protocol,
        "total": state.total / GIB,
        "free": state.free / GIB,
        "capabilities": sorted(state.capabilities),
        "storage_id": state.storage_id,
        "problem": state.problem,
    }
