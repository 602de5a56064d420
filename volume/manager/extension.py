"""Extensions: a list from the time before microversions that older clients still ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloudweb.manager import Manager
from cloudweb.policy import policy


@dataclass(frozen=True, slots=True)
class Extension:
    """A group of calls under the name it had once."""

    alias: str
    name: str
    description: str


#: Those whose calls are there.
EXTENSIONS = (
    Extension("OS-SCH-HNT", "SchedulerHints", "Hints for the scheduler."),
    Extension("os-availability-zone", "AvailabilityZones", "Availability zones."),
    Extension("os-extended-services", "ExtendedServices", "Why a service was disabled."),
    Extension("os-hosts", "Hosts", "Hosts, and what is on them."),
    Extension("os-quota-class-sets", "QuotaClasses", "Quotas of all projects."),
    Extension("os-quota-sets", "Quotas", "Quotas of a project."),
    Extension("os-services", "Services", "The services of this cloud."),
    Extension("os-snapshot-manage", "SnapshotManage", "What others took becomes a snapshot."),
    Extension("os-snapshot-unmanage", "SnapshotUnmanage", "A snapshot is left to others."),
    Extension("os-types-extra-specs", "TypesExtraSpecs", "Extra specs of volume types."),
    Extension("os-types-manage", "TypesManage", "Create and delete volume types."),
    Extension("os-used-limits", "UsedLimits", "What is used of the limits."),
    Extension("os-volume-actions", "VolumeActions", "Actions on volumes."),
    Extension(
        "os-volume-encryption-metadata", "VolumeEncryptionMetadata", "Encryption of volumes."
    ),
    Extension("os-volume-manage", "VolumeManage", "What others made becomes a volume."),
    Extension(
        "os-volume-type-access", "VolumeTypeAccess", "Which projects may use a private type."
    ),
    Extension("os-volume-type-encryption", "VolumeTypeEncryption", "Encryption of volume types."),
    Extension("os-volume-unmanage", "VolumeUnmanage", "A volume is left to others."),
    Extension("qos-specs", "Qos_specs_manage", "QoS specs of volume types."),
    Extension("scheduler-stats", "Scheduler_stats", "Pools as the scheduler sees them."),
)


class ExtensionManager(Manager):
    """The list never changes while a cloud runs."""

    @policy("volume:extensions:list")
    def list(self) -> Sequence[Extension]:
        """Return all extensions."""
        return EXTENSIONS
