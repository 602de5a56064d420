"""The sizes that databases come in: those of servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloudweb.manager import Manager
from cloudweb.policy import policy
from compute.manager import FlavorManager

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compute.models import Flavor


class DatabaseFlavorManager(Manager):
    """Flavors that the caller may use."""

    @policy("database:flavors:list")
    def list(self) -> Sequence[Flavor]:
        """Return those of all versions of all datastores."""
        return FlavorManager(self.context).list(is_public=None).rows

    @policy("database:flavors:list")
    def get(self, flavor_id: str) -> Flavor:
        """Return one; raise FlavorNotFound."""
        return FlavorManager(self.context).get(flavor_id)
