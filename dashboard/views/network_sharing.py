"""Who else may use a network."""

from __future__ import annotations

from typing import Any

from dashboard.views.box import Box
from dashboard.views.detail_page import Press
from dashboard.views.network import SHARED, NetworkPage
from network.exceptions.sharing import RbacPolicyNotFound
from network.manager import RbacPolicyManager


class ShareNetwork(Box, NetworkPage):
    """Let another project use a network."""

    box = "share"

    def effect(self, said: dict[str, Any]) -> str:
        """Share it."""
        RbacPolicyManager(self.context).create(
            object_type="network", object_id=self.key, action=SHARED, target_project=said["project"]
        )
        return "Shared. The project's servers can be put on it from now on."


class EndSharing(Press, NetworkPage):
    """Take it back from a project that does not use it."""

    def effect(self, **about: Any) -> str:
        """End it."""
        manager = RbacPolicyManager(self.context)
        found = manager.get(about["policy_id"])
        if str(found.object_id) != self.key:
            raise RbacPolicyNotFound(found.id)
        manager.delete(found.id)
        return "The project cannot use it any more."
