"""The tables of compute."""

from compute.models.aggregate import Aggregate, HostReservation
from compute.models.claim import Claim
from compute.models.flavor import Flavor, FlavorAccess, FlavorExtraSpec
from compute.models.host import Host

__all__ = [
    "Aggregate",
    "Claim",
    "Flavor",
    "FlavorAccess",
    "FlavorExtraSpec",
    "Host",
    "HostReservation",
]
