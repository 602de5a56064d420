"""Every list of the dashboard is a ListPage, declared in full."""

from __future__ import annotations

import re
from pathlib import Path

from dashboard.urls import urlpatterns
from dashboard.views.list_page import ListPage

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
#: Tables that are no lists of a project's things, with what they are.
TABLES = {
    "components/list_table.html": "the table of every list",
    "dashboard/account.html": "what a user may do where, and what he did last",
    "dashboard/api_access.html": "the addresses of the services",
    "dashboard/images/sharing.html": "the projects that one image is shared with",
    "dashboard/networks/picture_live.html": "what the network picture shows, in words",
    "dashboard/networks/ports.html": "who of the project is on one network",
    "dashboard/routers/through.html": "the floating IPs that lead through one router",
    "dashboard/second_factor/list.html": "the few devices of one user; removing one wants a proof",
    "dashboard/servers/overview.html": "the addresses of one server",
}
LISTS = {
    "servers", "server_groups", "volumes", "volume_groups", "backups", "images", "networks", "routers", "floating_ips",
    "security_groups", "security_group", "key_pairs", "members", "activity", "usage", "console_recordings",
    "application_credentials", "databases", "database_backups", "configurations",
}  # fmt: skip


def lists() -> dict[str, type[ListPage]]:
    """Return every list page, by the name of its route."""
    found = {}
    for route in urlpatterns:
        view = getattr(route.callback, "view_class", None)
        if view and issubclass(view, ListPage) and view.route == route.name:
            found[str(route.name)] = view
    return found


def test_every_table_of_the_dashboard_is_a_lists_or_known() -> None:
    found = {
        str(path.relative_to(TEMPLATES))
        for folder in ("dashboard", "components")
        for path in (TEMPLATES / folder).rglob("*.html")
        if "<table" in path.read_text()
    }
    assert found == TABLES.keys()


def test_every_list_is_declared() -> None:
    assert lists().keys() >= LISTS
    for name, view in lists().items():
        sorts = {column.sort for column in view.columns if column.sort}
        assert view.order.removeprefix("-") in sorts, name
        assert view.search, f"{name}: nothing finds its rows"
        actions = view().every_action()
        assert len({action.name for action in actions}) == len(actions), name
        assert all(re.fullmatch(r"[a-z_]+", action.name) for action in actions), name
        assert all(action.warning for action in actions if action.harm), name
        assert all(action.done.startswith(("{} is ", "{} was ")) for action in actions), name
        assert view.find is not ListPage.find, name
