"""Compute's pages in the operators' console."""

from compute.admin.aggregates import AggregateAdmin
from compute.admin.claims import ClaimAdmin
from compute.admin.failures import HostFailureAdmin
from compute.admin.fences import HostFenceAdmin
from compute.admin.flavors import FlavorAdmin
from compute.admin.hosts import HostAdmin

__all__ = [
    "AggregateAdmin",
    "ClaimAdmin",
    "FlavorAdmin",
    "HostAdmin",
    "HostFailureAdmin",
    "HostFenceAdmin",
]
