"""Servers: their rules, rows and operations."""

from __future__ import annotations

from instances.manager.addresses import InstanceAddresses
from instances.manager.building import InstanceBuilding
from instances.manager.console import InstanceConsoles
from instances.manager.evacuating import InstanceEvacuations
from instances.manager.inside import InstanceInsides
from instances.manager.interfaces import InstanceInterfaces
from instances.manager.lifecycle import InstanceLifecycle
from instances.manager.listing import InstanceLists
from instances.manager.live_migrating import InstanceLiveMigrations
from instances.manager.locking import InstanceLocks
from instances.manager.metadata import InstanceMetadata
from instances.manager.posted_password import InstancePostedPassword
from instances.manager.power import InstancePower
from instances.manager.recovery import InstanceRecovery
from instances.manager.resizing import InstanceResizes
from instances.manager.security_groups import InstanceSecurityGroups
from instances.manager.shelving import InstanceShelving
from instances.manager.tags import InstanceTags
from instances.manager.volumes import InstanceVolumes


class InstanceManager(
    InstanceBuilding,
    InstanceLists,
    InstancePower,
    InstanceRecovery,
    InstanceInsides,
    InstancePostedPassword,
    InstanceLifecycle,
    InstanceLocks,
    InstanceMetadata,
    InstanceTags,
    InstanceResizes,
    InstanceLiveMigrations,
    InstanceSecurityGroups,
    InstanceAddresses,
    InstanceVolumes,
    InstanceInterfaces,
    InstanceConsoles,
    InstanceShelving,
    InstanceEvacuations,
):
    """The servers of the caller's project (of all, for an admin who says so).

    By activity, a file each; lookup.py and acting.py are what they have in common.
    """
