"""The base of every manager: the class that owns one domain's rules, authorization and writes."""

from __future__ import annotations

from typing import Any

from cloudweb.context import RequestContext
from cloudweb.periodic import TASKS


class Manager:
    """A manager acts for one caller; REST, dashboard, admin, operations and RPC enter through it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        TASKS.add(cls)

    def __init__(self, context: RequestContext) -> None:
        self.context = context
