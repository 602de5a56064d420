"""Subnet pools: an address plan from which projects get blocks that never overlap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypedDict, Unpack

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from cloudweb.addresses import parse_block
from cloudweb.exceptions import BadRequest, PolicyNotAuthorized
from cloudweb.listing import EVERYTHING, Listing, Page
from cloudweb.policy import check, policy
from network import news, quota, sharing
from network.exceptions.networks import NetworkNotFound
from network.exceptions.pools import (
    AddressScopeNotFound,
    AddressScopePrefixConflict,
    EmptySubnetPoolPrefixList,
    IllegalSubnetPoolAssociationToAddressScope,
    IllegalSubnetPoolPrefixBounds,
    IllegalSubnetPoolPrefixUpdate,
    NetworkSubnetPoolAffinityError,
    PrefixVersionMismatch,
    SubnetPoolDeleteError,
    SubnetPoolNotFound,
)
from network.manager.held import held
from network.manager.standard import Identifier, StandardManager, number
from network.models import AddressScope, Network, Subnet, SubnetPool
from network.pool_space import compact, overlapping, without
from network.routers.scopes import routers_of

SHORTEST = {4: 8, 6: 64}
LONGEST = {4: 32, 6: 128}
MAX_PREFIXES = 256
LENGTHS = ("min_prefixlen", "max_prefixlen", "default_prefixlen")
OPERATOR_ATTRIBUTES = ("shared", "is_default")


class SubnetPoolChanges(TypedDict, total=False):
    """What may change on a pool; a scope or quota of None takes it away."""

    name: str
    description: str
    prefixes: Sequence[str]
    min_prefixlen: int
    max_prefixlen: int
    default_prefixlen: int
    default_quota: int | None
    is_default: bool
    shared: bool
    address_scope_id: Identifier | None


class SubnetPoolManager(StandardManager[SubnetPool]):
    """Pools of the caller's project, and those that are shared with it."""

    model = SubnetPool
    missing = SubnetPoolNotFound

    @policy("network:subnet_pools:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[SubnetPool]:
        """Return own and shared pools."""
        return self._page(listing)

    @policy("network:subnet_pools:get")
    def get(self, pool_id: Identifier) -> SubnetPool:
        """Return a pool; raise SubnetPoolNotFound."""
        return self._get(pool_id)

    @policy("network:subnet_pools:create")
    def create(
        self,
        *,
        prefixes: Sequence[str],
        name: str = "",
        description: str = "",
        min_prefixlen: int | None = None,
        max_prefixlen: int | None = None,
        default_prefixlen: int | None = None,
        default_quota: int | None = None,
        is_default: bool = False,
        shared: bool = False,
        address_scope_id: Identifier | None = None,
        project_id: str | None = None,
    ) -> SubnetPool:
        """Make a pool; lengths that are not said are as short, and as long, as the IP version has them.

        Raises BadRequest for a second default, AddressScopePrefixConflict, and what is wrong with
        prefixes and lengths.
        """
        if shared or is_default:
            check(self.context, "network:subnet_pools:set_shared")
        found = _prefixes(prefixes)
        version = parse_block(found[0]).version
        shortest = SHORTEST[version] if min_prefixlen is None else min_prefixlen
        pool = SubnetPool(
            project_id=self._project(project_id),
            name=name,
            description=description,
            ip_version=version,
            prefixes=found,
            min_prefixlen=shortest,
            max_prefixlen=LONGEST[version] if max_prefixlen is None else max_prefixlen,
            default_prefixlen=shortest if default_prefixlen is None else default_prefixlen,
            default_quota=default_quota,
            is_default=is_default,
        )
        _check_lengths(pool)
        with _one_default(), transaction.atomic():
            quota.reserve(pool.project_id, "subnetpool")
            pool.address_scope = self._scope(pool, address_scope_id)
            _check_scope(pool)
            pool.save(force_insert=True)
            if shared:
                sharing.share_with_all("subnetpool", pool, project_id=pool.project_id)
        return self._get(pool.id)

    @policy("network:subnet_pools:create")
    def create_many(self, items: Sequence[Mapping[str, Any]]) -> Sequence[SubnetPool]:
        """Make all of them or none."""
        with self._several(items):
            return [self.create(**item) for item in items]

    @policy("network:subnet_pools:update")
    def update(
        self,
        pool_id: Identifier,
        *,
        if_revision: int | None = None,
        **changes: Unpack[SubnetPoolChanges],
    ) -> SubnetPool:
        """Change a pool; prefixes may only become more. Raises as ``create`` does, and RbacPolicyInUse."""
        pool = self._writable(pool_id, "network:subnet_pools:update")
        if any(name in changes for name in OPERATOR_ATTRIBUTES):
            check(self.context, "network:subnet_pools:set_shared")
        with _one_default(), transaction.atomic():
            if changes.get("shared") is False:
                sharing.alone(pool.id)
            pool = self._changing(pool, if_revision)
            if "prefixes" in changes:
                fresh = _prefixes(changes["prefixes"], version=pool.ip_version)
                if without(pool.prefixes, fresh):
                    raise IllegalSubnetPoolPrefixUpdate(
                        "existing prefixes must be a subset of the new prefixes"
                    )
                pool.prefixes = fresh
            for field in (*LENGTHS, "name", "description", "default_quota", "is_default"):
                if field in changes:
                    setattr(pool, field, changes[field])  # type: ignore[literal-required]
            _check_lengths(pool)
            if "address_scope_id" in changes:
                pool.address_scope = self._scope(pool, changes["address_scope_id"])
            if "prefixes" in changes or "address_scope_id" in changes:
                _check_scope(pool)
            if "shared" in changes:
                sharing.set_shared_with_all("subnetpool", pool, shared=changes["shared"])
            was = (
                SubnetPool.objects.filter(id=pool.id)
                .values_list("address_scope", flat=True)
                .first()
            )
            pool.save()
            if pool.address_scope_id != was:
                news.routers_changed(*routers_of(pool))
        return self._get(pool.id)

    @policy("network:subnet_pools:update")
    def add_prefixes(self, pool_id: Identifier, prefixes: Sequence[str]) -> Sequence[str]:
        """Add prefixes; return all."""
        pool = self._writable(pool_id, "network:subnet_pools:update")
        with transaction.atomic():
            pool = self._changing(pool, None)
            more = _prefixes(prefixes, version=pool.ip_version)
            self._extend(pool, more)
        return pool.prefixes  # type: ignore[no-any-return]

    @policy("network:subnet_pools:update")
    def remove_prefixes(self, pool_id: Identifier, prefixes: Sequence[str]) -> Sequence[str]:
        """Take prefixes away that no subnet is of; return what is left."""
        pool = self._writable(pool_id, "network:subnet_pools:update")
        with transaction.atomic():
            pool = self._changing(pool, None)
            gone = _prefixes(prefixes, version=pool.ip_version)
            if without(gone, pool.prefixes):
                raise IllegalSubnetPoolPrefixUpdate("the pool does not hold all of these prefixes")
            if overlapping(gone, _taken(pool)):
                raise IllegalSubnetPoolPrefixUpdate("a subnet is of these prefixes")
            left = without(pool.prefixes, gone)
            if not left:
                raise EmptySubnetPoolPrefixList
            pool.prefixes = left
            pool.save(update_fields=["prefixes"])
        return pool.prefixes  # type: ignore[no-any-return]

    @policy("network:subnet_pools:update")
    def onboard_network_subnets(self, pool_id: Identifier, network_id: Identifier) -> None:
        """Take a network's subnets of the pool's IP version into the pool, with their blocks.

        Raises NetworkNotFound, NetworkSubnetPoolAffinityError for one that is of another pool,
        IllegalSubnetPoolPrefixUpdate for one that overlaps another of the pool.
        """
        pool = self._writable(pool_id, "network:subnet_pools:update")
        rows = Network.objects.visible_to(self.context)
        network = rows.filter(id=number(network_id)).first()
        if network is None:
            raise NetworkNotFound(network_id)
        if not self._owns(network):
            raise PolicyNotAuthorized("network:subnet_pools:update")
        with transaction.atomic():
            Network.objects.raise_wiring(network.id)
            pool = self._changing(pool, None)
            subnets = Subnet.objects.filter(network=network, ip_version=pool.ip_version)
            fresh = [*subnets.exclude(subnet_pool=pool).values_list("cidr", "subnet_pool")]
            if any(other is not None for _, other in fresh):
                raise NetworkSubnetPoolAffinityError
            blocks = [cidr for cidr, _ in fresh]
            if overlapping(blocks, _taken(pool)):
                raise IllegalSubnetPoolPrefixUpdate("a subnet of the pool overlaps the network's")
            if blocks:
                self._extend(pool, blocks)
            subnets.touch(subnet_pool=pool)
            if pool.address_scope_id is not None:
                news.routers_changed(*routers_of(pool))

    @policy("network:subnet_pools:delete")
    def delete(self, pool_id: Identifier, *, if_revision: int | None = None) -> None:
        """Remove a pool; raise SubnetPoolDeleteError while subnets are from it."""
        pool = self._writable(pool_id, "network:subnet_pools:delete")
        try:
            with transaction.atomic():
                pool = self._changing(pool, if_revision)
                sharing.forget(pool.id)
                pool.delete()
        except (ProtectedError, IntegrityError) as error:
            raise SubnetPoolDeleteError from error

    def _extend(self, pool: SubnetPool, more: Sequence[str]) -> None:
        if pool.address_scope_id is not None:
            AddressScope.objects.filter(id=pool.address_scope_id).touch()
        pool.prefixes = _bounded(compact([*pool.prefixes, *more]))
        _check_scope(pool)
        pool.save(update_fields=["prefixes"])

    def _scope(self, pool: SubnetPool, scope_id: Identifier | None) -> AddressScope | None:
        """Return a scope the caller may use, locked."""
        if scope_id is None:
            return None
        scope = held(self.context, AddressScope, scope_id)
        if scope is None or not AddressScope.objects.filter(id=scope.id).touch():
            raise AddressScopeNotFound(scope_id)
        if scope.ip_version != pool.ip_version:
            raise IllegalSubnetPoolAssociationToAddressScope(version=pool.ip_version)
        return scope


@contextmanager
def _one_default() -> Iterator[None]:
    """Say what it means that the database takes no second default pool."""
    try:
        yield
    except IntegrityError as error:
        raise BadRequest(
            "A default subnetpool for this IP family has already been set. "
            "Only one default may exist per IP family."
        ) from error


def _taken(pool: SubnetPool) -> Sequence[str]:
    return [*Subnet.objects.filter(subnet_pool=pool).values_list("cidr", flat=True)]


def _prefixes(texts: Sequence[str], *, version: int | None = None) -> list[str]:
    """Return prefixes of one IP version, as few as say the same."""
    if not texts:
        raise EmptySubnetPoolPrefixList
    blocks = [parse_block(text) for text in texts]
    if len({block.version for block in blocks} | ({version} if version else set())) != 1:
        raise PrefixVersionMismatch
    return _bounded(compact(blocks))


def _bounded(prefixes: list[str]) -> list[str]:
    if len(prefixes) > MAX_PREFIXES:
        raise BadRequest(f"A subnet pool holds {MAX_PREFIXES} prefixes at most.")
    return prefixes


def _check_lengths(pool: SubnetPool) -> None:
    longest = LONGEST[pool.ip_version]
    if pool.max_prefixlen > longest:
        raise IllegalSubnetPoolPrefixBounds(
            "max_prefixlen", pool.max_prefixlen, base="longest", limit=longest
        )
    if pool.min_prefixlen > pool.max_prefixlen:
        raise IllegalSubnetPoolPrefixBounds(
            "min_prefixlen", pool.min_prefixlen, base="max_prefixlen", limit=pool.max_prefixlen
        )
    if pool.default_prefixlen < pool.min_prefixlen:
        raise IllegalSubnetPoolPrefixBounds(
            "default_prefixlen",
            pool.default_prefixlen,
            base="min_prefixlen",
            limit=pool.min_prefixlen,
        )
    if pool.default_prefixlen > pool.max_prefixlen:
        raise IllegalSubnetPoolPrefixBounds(
            "default_prefixlen",
            pool.default_prefixlen,
            base="max_prefixlen",
            limit=pool.max_prefixlen,
        )


def _check_scope(pool: SubnetPool) -> None:
    """Refuse two pools of one scope that have an address in common; the scope is locked."""
    if pool.address_scope is None:
        return
    others = SubnetPool.objects.filter(address_scope=pool.address_scope).exclude(id=pool.id)
    for prefixes in others.values_list("prefixes", flat=True):
        if overlapping(pool.prefixes, prefixes):
            raise AddressScopePrefixConflict
