"""Host aggregates: none can be made yet, so the list is empty; clients ask for it all the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cloudweb.manager import Manager
from cloudweb.policy import policy


class AggregateManager(Manager):
    """Groups of hosts."""

    @policy("compute:aggregates:list")
    def list(self) -> Sequence[dict[str, Any]]:
        """Return all aggregates."""
        return ()
