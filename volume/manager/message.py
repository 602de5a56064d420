"""Messages to users: read by whom they concern, kept for so many days."""

from __future__ import annotations

from datetime import timedelta

from cloudweb.database.clock import now
from cloudweb.exceptions import UnknownMarker
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.manager import Manager
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from volume.exceptions import MessageNotFound
from volume.manager.volume_type import Identifier, number
from volume.models import Message
from volume.querysets import MessageQuerySet


class MessageManager(Manager):
    """The messages of the caller's project (of all, for an admin)."""

    def _rows(self) -> MessageQuerySet:
        return Message.objects.visible_to(self.context).filter(expires_at__gt=now())

    @policy("volume:messages:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[Message]:
        """Return a page of messages; raise UnknownMarker."""
        last = None
        if listing.marker is not None:
            last = self._rows().filter(pk=number(listing.marker)).first()
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(self._rows(), listing, last=last)

    @policy("volume:messages:get")
    def get(self, message_id: Identifier) -> Message:
        """Return a message; raise MessageNotFound."""
        found = self._rows().filter(pk=number(message_id)).first()
        if found is None:
            raise MessageNotFound(message_id)
        return found

    @policy("volume:messages:delete")
    def delete(self, message_id: Identifier) -> None:
        """Remove a message that was read; raise MessageNotFound."""
        self.get(message_id).delete()

    @periodic(every=timedelta(hours=1))
    @policy("volume:messages:expire")
    def expire(self) -> int:
        """Remove messages that were kept long enough; return how many."""
        return Message.objects.filter(expires_at__lte=now()).delete()[0]
