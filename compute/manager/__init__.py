"""The managers of compute: each owns one noun's rules, authorization and writes."""

from compute.manager.aggregates import AggregateManager
from compute.manager.failures import HostFailureManager, Proof
from compute.manager.fences import HostFenceManager
from compute.manager.flavor_access import FlavorAccessManager
from compute.manager.flavor_extra_specs import FlavorExtraSpecManager
from compute.manager.flavors import FlavorManager
from compute.manager.hosts import HostManager
from compute.manager.hypervisors import Hypervisor, HypervisorManager, Statistics
from compute.manager.services import ServiceInfo, ServiceManager
from compute.manager.zones import Zone, ZoneManager

__all__ = [
    "AggregateManager",
    "FlavorAccessManager",
    "FlavorExtraSpecManager",
    "FlavorManager",
    "HostFailureManager",
    "HostFenceManager",
    "HostManager",
    "Hypervisor",
    "HypervisorManager",
    "Proof",
    "ServiceInfo",
    "ServiceManager",
    "Statistics",
    "Zone",
    "ZoneManager",
]
