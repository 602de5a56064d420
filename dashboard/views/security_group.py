"""One security group: what it lets pass, in sentences; rules are added and taken away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.functional import cached_property

from cloudweb.context import RequestContext
from cloudweb.listing import Page as Rows
from cloudweb.listing import paginate_held
from dashboard.components.lists import Action, Asked, Choice, Column, Empty, Field, Offer, Tool
from dashboard.components.reach import advice_of, own_address, sentence, worst_of
from dashboard.forms.security_groups import GroupForm, RuleForm
from dashboard.views.box import Box
from dashboard.views.list_page import ListPage
from instances.manager import InstanceManager
from network.manager import (
    AddressGroupManager,
    PermissionManager,
    ReachManager,
    SecurityGroupManager,
)
from network.reach import leaving, summary

if TYPE_CHECKING:
    from network.models import SecurityGroup
    from network.reach import Permission

#: So many members of a group are named; so many groups are offered to name in a rule.
NAMED, OFFERED = 50, 200


def _delete(context: RequestContext, key: str) -> None:
    PermissionManager(context).delete(key.split("+"))


DELETE = Action(
    name="delete",
    text="Delete",
    icon="trash",
    policy="network:security_group_rules:delete",
    effect=_delete,
    done="{} was deleted.",
    warning="It acts at once, on open connections, too.",
    harm=True,
)


class SecurityGroupPage(ListPage):
    """What a group permits: rules that say the same of both IP versions are one line."""

    section, route = "security_groups", "security_group"
    template = "dashboard/security_groups/detail.html"
    rows_template = "dashboard/security_groups/permissions.html"
    title, nouns = "Rules", ("rule", "rules")
    columns = (
        Column("Who can reach what", sentence, sort="who"),
        Column("IP version", lambda one: ", ".join(one.ethertypes), css="nowrap quiet"),
    )
    order = "who"
    search = (Field("q", "Find by service, port or whom", live=True),)
    choices = (
        Choice("way", "Direction", {"": "All", "in": "Who gets in", "out": "What they reach"}),
    )
    actions = (DELETE,)
    tools = (
        Tool(
            "Edit", "edit_group", "edit", "network:security_groups:update", box="edit-box", main=False
        ),
        Tool("Add rule", "new_rule", policy="network:security_group_rules:create", box="rule-box"),
    )  # fmt: skip
    empty = Empty(
        "shield-lock",
        "It lets nothing pass",
        "Add a rule to let something in.",
        "Your role in this project lets you look, not add rules.",
        "No rule is like that",
    )
    pace = (20, 20)
    limit = 100
    group_id: str

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Keep which group it is about."""
        self.group_id = str(kwargs.pop("group_id"))
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def group(self) -> SecurityGroup:
        """Find the group; raise SecurityGroupNotFound."""
        return SecurityGroupManager(self.context).get(self.group_id)

    @cached_property
    def permitted(self) -> Sequence[Permission]:
        """All that the group permits."""
        found = ReachManager(self.context).of_groups([self.group], own=own_address(self.request))
        return found[str(self.group.id)]

    def home(self) -> str:
        """Return the address of this group."""
        return reverse(self.route, args=[self.group_id])

    def find(self, asked: Asked) -> Rows[Any]:
        """Put the rules together first: there are few in a group."""
        words, way = (asked.q or "").casefold(), asked.chosen.get("way")
        held = [
            (at, one)
            for at, one in enumerate(self.permitted)
            if words in one.sentence().casefold() and way in (None, "in" if one.enters else "out")
        ]
        page = paginate_held(
            held,
            key=lambda pair: pair[0],
            marker=asked.marker,
            marked=lambda pair: self.key_of(pair[1]),
            descending=asked.order[0].descending,
            limit=asked.limit,
        )
        return Rows([one for _, one in page.rows], page.more)

    def key_of(self, row: Permission) -> str:
        """Return the ids of its rules."""
        return "+".join(row.rule_ids)

    def name_of(self, row: Permission) -> str:
        """Return what it permits, and to whom."""
        who = row.who.text if row.enters else row.who.place
        return f"{row.what} {'for ' if row.enters else ''}{who[:1].lower()}{who[1:]}"

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Look among the rules of the group."""
        return {self.key_of(one): self.name_of(one) for one in self.permitted}

    @property
    def is_own(self) -> bool:
        """Tell whether the group is the project's own, and not one that is shared with it."""
        return self.group.project_id == self.context.project_id

    def offered_tools(self) -> Sequence[Tool]:
        """Return the buttons, about this group."""
        found = super().offered_tools() if self.is_own else ()
        return [tool._replace(url=reverse(tool.route, args=[self.group_id])) for tool in found]

    def offers_of(self, row: Permission) -> Sequence[Offer]:
        """Return what may be done with rules of the project's own."""
        return super().offers_of(row) if self.is_own else ()

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the group, what is said of it, who is in it, and the forms in the boxes."""
        devices = ReachManager(self.context).devices(self.group, limit=NAMED)
        names = InstanceManager(self.context).names([*devices]) if devices else {}
        return super().facts(
            **{
                "group": self.group,
                "said_in": summary(self.permitted),
                "said_out": leaving(self.permitted, "Its members", stateful=self.group.stateful),
                "stateful": self.group.stateful,
                "badge": worst_of(self.permitted),
                "advice": advice_of(self.permitted),
                "servers": sorted(names.items(), key=lambda one: one[1]),
                "rule_form": self.rule_form(),
                "edit_form": self.edit_form(),
                "own": own_address(self.request),
                **more,
            }
        )

    def rule_form(self, data: Any = None) -> RuleForm:
        """Return the form of a new rule."""
        offered = SecurityGroupManager(self.context).names(limit=OFFERED)
        lists = AddressGroupManager(self.context).names(limit=OFFERED)
        return RuleForm(data, own=own_address(self.request), groups=offered, lists=lists)

    def edit_form(self, data: Any = None) -> GroupForm:
        """Return the form of its name."""
        said = {"name": self.group.name, "description": self.group.description}
        return GroupForm(data, initial=said, auto_id="edit_%s")


class NewRule(Box, SecurityGroupPage):
    """Let something pass."""

    box = "rule"

    def rule_form(self, data: Any = None) -> RuleForm:
        """Keep the form, which knows what it asks for."""
        self.form = super().rule_form(data)
        return self.form

    def effect(self, said: dict[str, Any]) -> str:
        """Make the rules."""
        permission = self.form.permission()
        PermissionManager(self.context).create(security_group_id=self.group_id, **permission)
        return "It is let pass from now on."


class EditGroup(Box, SecurityGroupPage):
    """Another name for a group."""

    box = "edit"

    def effect(self, said: dict[str, Any]) -> str:
        """Rename it."""
        SecurityGroupManager(self.context).update(self.group_id, **said)
        return f"It is called {said['name']} now."
