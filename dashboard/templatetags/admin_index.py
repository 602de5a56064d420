"""The operator console's first page: where to look first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django import template

register = template.Library()


class Look(NamedTuple):
    """A page that tells how the cloud is."""

    text: str
    hint: str
    url: str


#: (app, model) -> what an operator finds there, in the order of the page.
FIRST = {
    ("compute", "Host"): ("Hosts", "Which are up, how full, switched on or off"),
    ("operations", "Service"): ("Services", "What runs where, and when it was last heard of"),
    ("operations", "Operation"): ("Operations", "What is being done, what is stuck, and why"),
    ("operations", "PeriodicTask"): (
        "Periodic tasks",
        "What runs again and again, and how the last run went",
    ),
    ("reconciliation", "Difference"): (
        "Differences",
        "What is not as it is written down, and what heals it",
    ),
    ("instances", "Instance"): ("Servers", "Of all projects, by host and state"),
    ("network", "Network"): ("Networks", "Of all projects, with their segments and wires"),
    ("network", "Subnet"): ("Address pools", "What is taken and what is free, subnet by subnet"),
    ("network", "SegmentRange"): (
        "Segments",
        "Which VLANs and VXLANs are given, and how many are free",
    ),
    ("identity", "Project"): ("Projects", "Tenants, their members and quotas"),
    ("identity", "User"): ("Users", "Who may log in"),
    ("audit", "Record"): ("Audit log", "Who changed what, from where, and who was refused"),
}


@register.simple_tag
def first_looks(app_list: Sequence[Any]) -> Sequence[Look]:
    """Return the pages of FIRST that this operator has."""
    urls = {
        (app["app_label"], model["object_name"]): model["admin_url"]
        for app in app_list
        for model in app["models"]
    }
    return [Look(*words, urls[key]) for key, words in FIRST.items() if urls.get(key)]
