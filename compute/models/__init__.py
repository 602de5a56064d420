"""The tables of compute."""

from compute.models.aggregate import Aggregate, HostReservation
from compute.models.claim import Claim
from compute.models.failure import HostFailure, ProofKind
from compute.models.fence import FenceKind, HostFence
from compute.models.flavor import Flavor, FlavorAccess, FlavorExtraSpec
from compute.models.host import Host

__all__ = [
    "Aggregate",
    "Claim",
    "FenceKind",
    "Flavor",
    "FlavorAccess",
    "FlavorExtraSpec",
    "Host",
    "HostFailure",
    "HostFence",
    "HostReservation",
    "ProofKind",
]
