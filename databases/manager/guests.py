"""The agents in guests, for operators."""

from __future__ import annotations

from cloudweb.policy import policy
from databases.mailbox import guests
from databases.manager.lookup import InstanceLookups


class GuestManager(InstanceLookups):
    """What operators do about an agent that must not be believed any more."""

    @policy("database:guests:revoke")
    def revoke(self, instance_id: str) -> None:
        """Believe an instance's agent nothing from now on: its key counts for nothing.

        The datastore goes on serving; nothing can be done to it any more but to delete it.
        """
        guests.revoke(self.get(instance_id))
