"""The base of every manager: the class that owns one domain's rules, authorization and writes."""

from __future__ import annotations

from cloudweb.context import RequestContext


class Manager:
    """A manager acts for one caller; REST, dashboard, admin, operations and RPC enter through it."""

    def __init__(self, context: RequestContext) -> None:
        self.context = context
