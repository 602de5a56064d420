"""What callers are told about the stores."""

from __future__ import annotations

import builtins
from collections.abc import Mapping

from cloudweb.manager import Manager
from cloudweb.policy import policy
from cloudweb.stores.configured import store
from image.stores import StoreInfo, infos


class StoreManager(Manager):
    """The stores that the settings name."""

    @policy("image:stores:list")
    def list(self) -> list[StoreInfo]:
        """Return all of them, the default first."""
        return infos()

    @policy("image:stores:detail")
    def detail(self) -> builtins.list[tuple[StoreInfo, Mapping[str, str]]]:
        """Return all of them with what only operators are told."""
        return [(info, store(info.id).facts()) for info in infos()]
