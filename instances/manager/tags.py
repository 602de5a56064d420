"""The tags of servers (contract 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest
from cloudweb.policy import policy
from instances.actions.metadata import TAGS
from instances.conf import MAX_TAGS
from instances.exceptions import TagNotFound
from instances.manager.acting import InstanceActs
from instances.models import Instance


class InstanceTags(InstanceActs):
    """A server's tags; a change is one transaction, of which the last one counts."""

    @policy("compute:servers:tags")
    def tags(self, instance_id: str) -> Sequence[str]:
        """Return all tags."""
        found: Sequence[str] = self.get(instance_id).tags
        return found

    @policy("compute:servers:tags")
    def check_tag(self, instance_id: str, tag: str) -> None:
        """Raise TagNotFound where the server has no such tag."""
        if tag not in self.tags(instance_id):
            raise TagNotFound(tag, instance_id)

    @policy(TAGS.policy)
    def replace_tags(self, instance_id: str, tags: Sequence[str]) -> Sequence[str]:
        """Replace all tags; return them."""
        return self._change_tags(instance_id, lambda _: list(dict.fromkeys(tags)))

    @policy(TAGS.policy)
    def add_tag(self, instance_id: str, tag: str) -> bool:
        """Add a tag; tell whether it is a new one. Raises BadRequest where there are too many."""
        is_new = False

        def added(there: Sequence[str]) -> list[str]:
            nonlocal is_new
            is_new = tag not in there
            if is_new and len(there) >= MAX_TAGS:
                raise BadRequest(f"The number of tags exceeded the per-server limit {MAX_TAGS}")
            return [*there, tag] if is_new else [*there]

        self._change_tags(instance_id, added)
        return is_new

    @policy(TAGS.policy)
    def delete_tag(self, instance_id: str, tag: str) -> None:
        """Remove a tag; raise TagNotFound."""

        def left(there: Sequence[str]) -> list[str]:
            if tag not in there:
                raise TagNotFound(tag, instance_id)
            return [one for one in there if one != tag]

        self._change_tags(instance_id, left)

    def _change_tags(
        self, instance_id: str, change: Callable[[Sequence[str]], list[str]]
    ) -> Sequence[str]:
        with self._held(instance_id, TAGS) as instance:
            tags = change(instance.tags)
            Instance.objects.filter(id=instance.id).update(tags=tags, updated_at=now())
            return tags
