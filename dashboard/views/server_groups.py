"""Server groups: list, make, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloudweb.context import RequestContext
from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.lists import Action, Asked, Column, Empty, Field, Tool
from dashboard.forms.server_groups import NewServerGroupForm
from dashboard.views.box import Box
from dashboard.views.list_page import ListPage
from instances.manager import ServerGroupManager

if TYPE_CHECKING:
    from instances.models import ServerGroup


def _delete(context: RequestContext, group_id: str) -> None:
    ServerGroupManager(context).delete(group_id)


DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="compute:server_groups:delete",
    effect=_delete,
    done="{} was deleted.",
    warning="Its servers stay where they are, and are in no group then.",
    warning_all="Their servers stay where they are, and are in no group then.",
    harm=True,
)


def _policy(group: ServerGroup) -> str:
    words = group.get_policy_display().capitalize()
    most = group.max_server_per_host
    return words if most is None else f"At most {most} on a host"


def _servers(group: ServerGroup) -> str:
    names = [server.name for server in group.servers.all()]
    more = len(names) - 5
    return ", ".join(names[:5]) + (f" and {more} more" if more > 0 else "") or "none"


class ServerGroups(ListPage):
    """The project's server groups."""

    section = route = "server_groups"
    template = "dashboard/server_groups/list.html"
    title, nouns = "Server groups", ("server group", "server groups")
    about = "Which of {project}'s servers are together on a host, and which apart"
    columns = (
        Column("Name", lambda group: cells.strong(group.name), sort="name"),
        Column("Its servers are", _policy),
        Column("Servers", _servers),
        Column(
            "Created", lambda group: cells.ago(group.created_at), sort="created_at", falling=True
        ),
    )
    order = "name"
    search = (Field("q", "Find by name", live=True),)
    actions = (DELETE,)
    tools = (
        Tool(
            "Create group", "new_server_group", policy="compute:server_groups:create", box="new-box"
        ),
    )
    empty = Empty(
        "server-2",
        "No server groups yet",
        "Put the servers of one application into a group to keep them apart, so that one host takes "
        "down one of them, or together, so that they are near each other.",
        "Your role in this project lets you look, not create.",
        "No server group is like that",
    )
    limit = 50

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        return ServerGroupManager(self.context).find(
            words=asked.q,
            order=asked.columns(last="id"),
            marker=asked.marker,
            limit=asked.limit,
        )

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the form in the box."""
        return super().facts(**{"new_form": self.new_form(), **more})

    def new_form(self, data: Any = None) -> NewServerGroupForm:
        """Return the form of a new one."""
        return NewServerGroupForm(data)


class NewServerGroup(Box, ServerGroups):
    """Make a group."""

    box = "new"

    def effect(self, said: dict[str, Any]) -> str:
        """Make it."""
        ServerGroupManager(self.context).create(**said)
        return f"{said['name']} was created."
