"""Extensions: a list from the time before microversions that older clients still ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloudweb.exceptions import NotFound
from cloudweb.manager import Manager
from cloudweb.policy import policy


class ExtensionNotFound(NotFound):
    """This cloud lists no such extension."""

    code = "extension_not_found"


@dataclass(frozen=True, slots=True)
class Extension:
    """A group of calls under the name it had once."""

    alias: str
    name: str
    description: str


EXTENSIONS = (
    Extension("os-availability-zone", "AvailabilityZone", "Availability zones."),
    Extension("os-extended-availability-zone", "ExtendedAvailabilityZone", "The zone of a server."),
    Extension("os-extended-server-attributes", "ExtendedServerAttributes", "A server's host."),
    Extension("os-extended-status", "ExtendedStatus", "A server's states in detail."),
    Extension("os-flavor-access", "FlavorAccess", "Which projects may use a private flavor."),
    Extension("os-flavor-extra-specs", "FlavorExtraSpecs", "Free keys of a flavor."),
    Extension("os-flavor-manage", "FlavorManage", "Create and delete flavors."),
    Extension("os-hypervisors", "Hypervisors", "Hosts and their capacity."),
    Extension("os-instance-actions", "InstanceActions", "What was done to a server."),
    Extension("os-keypairs", "Keypairs", "SSH keys."),
    Extension("os-limits", "Limits", "Quota and usage of a project."),
    Extension("os-quota-sets", "Quotas", "Quotas of a project."),
    Extension("os-services", "Services", "The services of this cloud."),
    Extension("os-simple-tenant-usage", "SimpleTenantUsage", "What servers used in a time."),
)


class ExtensionManager(Manager):
    """The list never changes while a cloud runs."""

    @policy("compute:extensions:list")
    def list(self) -> Sequence[Extension]:
        """Return all extensions."""
        return EXTENSIONS

    @policy("compute:extensions:list")
    def get(self, alias: str) -> Extension:
        """Return one extension; raise ExtensionNotFound."""
        for extension in EXTENSIONS:
            if extension.alias == alias:
                return extension
        raise ExtensionNotFound(f"Extension {alias} could not be found.")
