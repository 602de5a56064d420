"""What an image says that is made of a server."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from cloudweb.exceptions import BadRequest
from image.changes import custom
from image.objects import GUEST_AGENT, has_agent

if TYPE_CHECKING:
    from instances.models import Instance

#: What the image that a server was made of says of itself alone.
OF_ITSELF = frozenset(
    {
        "instance_uuid", "user_id", "image_type", "image_state", "base_image_ref", "backup_type",
        "boot_roles", "block_device_mapping", "bdm_v2", "root_device_name", "image_id", "image_name",
        "image_location", "owner_id", "signature_verified", "snapshot_consistency",
    }
)  # fmt: skip
#: How the copies of its disk, or disks, belong together.
CONSISTENCY = "snapshot_consistency"
#: An image that says so is made only where the guest's agent held the file systems still.
MUST_FREEZE = "os_require_quiesce"


def attributes(
    instance: Instance,
    known: Mapping[str, Any],
    *,
    name: str,
    metadata: Mapping[str, str],
    roles: Collection[str],
    **said: str,
) -> dict[str, Any]:
    """Return what the image is; ``known`` is what the server's own image says, ``said`` what is special.

    Raises BadRequest for metadata that would be no property.
    """
    if wrong := sorted(metadata.keys() - custom(metadata).keys()):
        raise BadRequest(f"Image metadata cannot have the key {wrong[0][:80]}.")
    kept = {key: str(text) for key, text in custom(known).items() if key not in OF_ITSELF}
    if instance.guest_agent and not has_agent(kept):
        kept[GUEST_AGENT] = "yes"
    facts = {
        "instance_uuid": str(instance.id),
        "user_id": instance.user_id,
        "image_type": "snapshot",
        "base_image_ref": instance.image_id,
        "boot_roles": ",".join(sorted(roles)),
    }
    return {
        **kept,
        **metadata,
        **facts,
        **said,
        "name": name,
        "visibility": "private",
        "min_disk": instance.disk or _number(known, "min_disk"),
        "min_ram": _number(known, "min_ram"),
    }


def _number(known: Mapping[str, Any], key: str) -> int:
    text = str(known.get(key, ""))
    return int(text) if text.isdecimal() else 0
