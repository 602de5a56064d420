"""The agents in guests, for operators."""

from __future__ import annotations

from datetime import timedelta

from cloudweb.database.clock import now
from cloudweb.periodic import periodic
from cloudweb.policy import policy
from databases.mailbox import guests
from databases.manager.lookup import InstanceLookups
from databases.models import Letter
from operations.history import KEEP


class GuestManager(InstanceLookups):
    """What operators do about an agent that must not be believed any more; and letters of long ago."""

    @policy("database:guests:revoke")
    def revoke(self, instance_id: str) -> None:
        """Believe an instance's agent nothing from now on: its key counts for nothing.

        The datastore goes on serving; nothing can be done to it any more but to delete it.
        """
        guests.revoke(self.get(instance_id))

    @periodic(every=timedelta(hours=1))
    @policy("database:instances:watch")
    def forget_old_letters(self) -> None:
        """Forget letters that nobody could answer any more for 90 days, as what they were written for is forgotten."""
        Letter.objects.filter(deadline_at__lt=now() - KEEP).delete()
