"""The password that a guest made for itself, encrypted by its user's key: it passes through here."""

from __future__ import annotations

from cloudweb.policy import policy
from instances.manager.lookup import InstanceLookups


class InstancePostedPassword(InstanceLookups):
    """What a guest posted to the metadata service."""

    @policy("compute:servers:posted_password")
    def posted_password(self, instance_id: str) -> str:
        """Return it in base64; empty where none was posted."""
        return self.get(instance_id).posted_password

    @policy("compute:servers:forget_posted_password")
    def forget_posted_password(self, instance_id: str) -> None:
        """Forget it; the guest may post another."""
        found = self.get(instance_id)
        self._rows_of(found.id).update(posted_password="")
