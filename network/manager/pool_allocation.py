"""Which block a new subnet gets: the one that is said, or a free one of a pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F

from cloudweb.addresses import Block, parse_block
from cloudweb.context import RequestContext
from cloudweb.exceptions import BadRequest
from network.exceptions.pools import (
    MaxPrefixSubnetAllocationError,
    MinPrefixSubnetAllocationError,
    NetworkSubnetPoolAffinityError,
    SubnetAllocationError,
    SubnetPoolNotFound,
    SubnetPoolQuotaExceeded,
)
from network.manager.held import held, still_shared
from network.manager.standard import Identifier
from network.models import Network, Subnet, SubnetPool
from network.pool_space import first_free, overlapping, within


@dataclass(frozen=True, slots=True)
class BlockWish:
    """What is said of a block: itself, or how long its prefix is; and of which pool it is."""

    cidr: Block | None
    prefixlen: int | None = None
    ip_version: int | None = None
    subnet_pool_id: Identifier | None = None
    use_default: bool = False

    @property
    def pooled(self) -> bool:
        """Tell whether it is of a pool."""
        return self.use_default or self.subnet_pool_id is not None


def find_pool(context: RequestContext, wish: BlockWish) -> SubnetPool | None:
    """Return the pool of a wish that the caller may use, None for none.

    Raises BadRequest for a wish that says too little or too much, SubnetPoolNotFound.
    """
    if wish.cidr is not None and wish.prefixlen is not None:
        raise BadRequest("cidr and prefixlen must not be supplied together.")
    if wish.use_default and wish.subnet_pool_id is not None:
        raise BadRequest("subnetpool_id and use_default_subnetpool cannot both be specified.")
    if not wish.pooled:
        if wish.cidr is None:
            raise BadRequest("A subnetpool must be specified in the absence of a cidr.")
        return None
    rows = SubnetPool.objects.visible_to(context)
    if wish.use_default:
        version = wish.ip_version or (wish.cidr.version if wish.cidr else 4)
        pool = rows.filter(is_default=True, ip_version=version).first()
        pool = pool and still_shared(context, pool)
        if pool is None:
            raise BadRequest(f"No default subnetpool found for IPv{version}.")
        return pool
    pool = held(context, SubnetPool, wish.subnet_pool_id or "")
    if pool is None:
        raise SubnetPoolNotFound(wish.subnet_pool_id)
    if (wish.ip_version or pool.ip_version) != pool.ip_version:
        raise BadRequest(f"Subnet pool {pool.id} is not of IPv{wish.ip_version}.")
    return pool


def allocate(wish: BlockWish, pool: SubnetPool, *, network: Network, project_id: str) -> Block:
    """Return a block of a pool that no subnet of it has; it is the caller's until the transaction ends.

    Raises SubnetAllocationError, SubnetPoolQuotaExceeded, NetworkSubnetPoolAffinityError, and what is
    wrong with the length.
    """
    if not SubnetPool.objects.filter(id=pool.id).update(turns=F("turns") + 1):
        raise SubnetPoolNotFound(pool.id)
    pool.refresh_from_db()
    length = _length(wish, pool)
    if length < pool.min_prefixlen:
        raise MinPrefixSubnetAllocationError(length, limit=pool.min_prefixlen)
    if length > pool.max_prefixlen:
        raise MaxPrefixSubnetAllocationError(length, limit=pool.max_prefixlen)
    taken = [*Subnet.objects.filter(subnet_pool=pool).values_list("cidr", "project_id")]
    _check_quota(pool, length, [cidr for cidr, owner in taken if owner == project_id])
    used = [cidr for cidr, _ in taken]
    if wish.cidr is not None:
        if not within(wish.cidr, pool.prefixes):
            raise SubnetAllocationError(f"{wish.cidr} is not within the pool's prefixes")
        if overlapping([str(wish.cidr)], used):
            raise SubnetAllocationError("Cannot allocate requested subnet from the available set")
        return wish.cidr
    beside = Subnet.objects.filter(network=network, ip_version=pool.ip_version)
    found = first_free(pool.prefixes, [*used, *beside.values_list("cidr", flat=True)], length)
    if found is None:
        raise SubnetAllocationError(f"Insufficient prefix space to allocate subnet size /{length}")
    return found


def check_affinity(pool: SubnetPool | None, there: Sequence[UUID | None]) -> None:
    """Refuse a subnet of another pool than those there of its IP version; the network is locked."""
    if {*there} - {pool and pool.id}:
        raise NetworkSubnetPoolAffinityError


def _length(wish: BlockWish, pool: SubnetPool) -> int:
    if wish.cidr is not None:
        if wish.cidr.version != pool.ip_version:
            raise SubnetAllocationError(f"{wish.cidr} is not of IPv{pool.ip_version}")
        return wish.cidr.prefixlen
    return pool.default_prefixlen if wish.prefixlen is None else wish.prefixlen


def _check_quota(pool: SubnetPool, length: int, own: list[str]) -> None:
    """Count in addresses of IPv4, in /64 of IPv6, a smaller block as one."""
    if pool.default_quota is None:
        return
    unit = 32 if pool.ip_version == 4 else 64
    used = sum(1 << max(0, unit - parse_block(cidr).prefixlen) for cidr in own)
    if used + (1 << max(0, unit - length)) > pool.default_quota:
        raise SubnetPoolQuotaExceeded("Per-tenant subnet pool prefix quota exceeded.")
