"""What goes wrong with networks, a noun a file. Clients of the network API see the class names as error types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from cloudweb.exceptions import CloudwebError, Conflict, NotFound


class Missing(NotFound):
    """No such resource; made with the id or name that was asked for."""

    noun: ClassVar[str]

    def __init__(self, identifier: object) -> None:
        super().__init__(f"{self.noun} {str(identifier)[:255]} could not be found.")


class AgentNotFound(Missing):
    """No such agent, or none the caller may see."""

    code = "agent_not_found"
    noun = "Agent"


class ExtensionNotFound(Missing):
    """No extension with this alias or name is here."""

    code = "extension_not_found"
    noun = "Extension"


class TagNotFound(Missing):
    """The resource does not carry this tag."""

    code = "tag_not_found"
    noun = "Tag"


class AvailabilityZoneNotFound(Missing):
    """A hint names a zone that does not exist."""

    code = "availability_zone_not_found"
    noun = "AvailabilityZone"


class RevisionNumberConstraintFailed(CloudwebError):
    """The resource is no longer at the revision that If-Match names."""

    status = 412
    code = "revision_number_constraint_failed"

    def __init__(self, *, expected: int) -> None:
        super().__init__(
            f"Constrained to {expected}, but the resource has another revision number."
        )


class InvalidQuotaValue(Conflict):
    """A limit below what is used, where its setter wanted that refused."""

    code = "invalid_quota_value"

    def __init__(self, limits: Mapping[str, tuple[int, int]]) -> None:
        below = ", ".join(
            f"{name} {limit} (used: {used})" for name, (limit, used) in limits.items()
        )
        super().__init__(f"Limits below what is used: {below}.")
