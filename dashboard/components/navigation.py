"""The navigation beside every page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.policy import allows


class Entry(NamedTuple):
    """One way to go; ``current`` where the user is."""

    text: str
    url: str
    icon: str
    current: bool


SECTIONS = (
    ("Overview", "overview", "layout-dashboard", None),
    ("Servers", "servers", "server-2", None),
    ("Server groups", "server_groups", "server", None),
    ("Volumes", "volumes", "cylinder", None),
    ("Volume groups", "volume_groups", "stack-2", None),
    ("Backups", "backups", "folder", None),
    ("Databases", "databases", "database", None),
    ("Images", "images", "disc", None),
    ("Network picture", "network_picture", "sitemap", None),
    ("Networks", "networks", "network", None),
    ("Routers", "routers", "router", None),
    ("Floating IPs", "floating_ips", "world", None),
    ("Security groups", "security_groups", "shield", None),
    ("Key pairs", "key_pairs", "key", None),
    ("Members", "members", "users", "identity:members:list"),
    ("Console recordings", "console_recordings", "video", "compute:console_recordings:list"),
    ("Usage", "usage", "chart-bar", "compute:usage:get"),
    ("Activity", "activity", "history", None),
)


#: Names of routes of the user's own pages.
ACCOUNT = (
    ("Profile", "account", "user"),
    ("Second factor", "second_factor", "shield-lock"),
    ("Application credentials", "application_credentials", "key"),
    ("API access", "api_access", "terminal-2"),
)


def navigation(current: str, context: RequestContext | None) -> Sequence[Entry]:
    """Return where this caller may go; ``current`` is the name of the route that is lit.

    For None, when nobody can be asked who he is, only what needs no role.
    """
    return [
        Entry(text, reverse(name), icon, name == current)
        for text, name, icon, policy in SECTIONS
        if policy is None or (context and context.project_id and allows(context, policy))
    ]


def account_tabs(current: str) -> Sequence[Entry]:
    """Return the tabs of the user's own pages."""
    return [Entry(text, reverse(name), icon, name == current) for text, name, icon in ACCOUNT]
