"""The navigation beside every page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.urls import reverse


class Entry(NamedTuple):
    """One way to go; ``current`` where the user is."""

    text: str
    url: str
    icon: str
    current: bool


SECTIONS = (
    ("Overview", "overview", "layout-dashboard"),
    ("Servers", "servers", "server-2"),
    ("Images", "images", "disc"),
    ("Key pairs", "key_pairs", "key"),
    ("Activity", "activity", "history"),
)


def navigation(current: str) -> Sequence[Entry]:
    """Return the entries; ``current`` is the name of the route that is lit."""
    return [Entry(text, reverse(name), icon, name == current) for text, name, icon in SECTIONS]
