"""The key-value pairs users put on volumes, and those a volume has of its image."""

from __future__ import annotations

from collections.abc import Mapping

from cloudweb.policy import policy
from volume.exceptions import MetadataItemNotFound
from volume.items import check_items, check_tag
from volume.manager.lifecycle import VolumeLifecycle


class VolumeMetadata(VolumeLifecycle):
    """A volume's metadata; a change is one transaction, of which the last one counts."""

    @policy("volume:volumes:get")
    def metadata(self, volume_id: str) -> dict[str, str]:
        """Return all items."""
        found: dict[str, str] = self.get(volume_id).metadata
        return found

    @policy("volume:volumes:get")
    def metadata_item(self, volume_id: str, key: str) -> str:
        """Return one value; raise MetadataItemNotFound."""
        try:
            return self.metadata(volume_id)[key]
        except KeyError:
            raise MetadataItemNotFound(key) from None

    @policy("volume:volumes:update")
    def update_metadata(
        self, volume_id: str, items: Mapping[str, str], *, expected: str = ""
    ) -> dict[str, str]:
        """Add or change items; return all. ``expected`` is what If-Match says of those there are."""
        with self._held(volume_id, "metadata") as volume:
            check_tag(volume.metadata, expected)
            found = {**volume.metadata, **items}
            check_items(found)
            self._write(volume, metadata=found)
        return found

    @policy("volume:volumes:update")
    def replace_metadata(
        self, volume_id: str, items: Mapping[str, str], *, expected: str = ""
    ) -> dict[str, str]:
        """Replace all items; return them. ``expected``: as above."""
        with self._held(volume_id, "metadata") as volume:
            check_tag(volume.metadata, expected)
            check_items(items)
            self._write(volume, metadata=dict(items))
        return dict(items)

    @policy("volume:volumes:update")
    def delete_metadata_item(self, volume_id: str, key: str) -> None:
        """Remove one item; raise MetadataItemNotFound."""
        with self._held(volume_id, "metadata") as volume:
            left = dict(volume.metadata)
            if left.pop(key, None) is None:
                raise MetadataItemNotFound(key)
            self._write(volume, metadata=left)

    @policy("volume:volumes:get")
    def image_metadata(self, volume_id: str) -> dict[str, str]:
        """Return what a volume has of its image."""
        found: dict[str, str] = self.get(volume_id).image_metadata
        return found

    @policy("volume:volumes:update")
    def set_image_metadata(self, volume_id: str, items: Mapping[str, str]) -> dict[str, str]:
        """Add or change what images made of it will say; return all."""
        with self._held(volume_id, "metadata") as volume:
            found = {**volume.image_metadata, **items}
            check_items(found)
            self._write(volume, image_metadata=found)
        return found

    @policy("volume:volumes:update")
    def unset_image_metadata(self, volume_id: str, key: str) -> None:
        """Remove one item of its image's; raise MetadataItemNotFound."""
        with self._held(volume_id, "metadata") as volume:
            left = dict(volume.image_metadata)
            if left.pop(key, None) is None:
                raise MetadataItemNotFound(key)
            self._write(volume, image_metadata=left)
