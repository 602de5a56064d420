"""Members of the project: everyone in it sees them, its manager sees to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from cloudweb.listing import Page as Rows
from cloudweb.listing import paginate_held
from cloudweb.policy import check
from dashboard.components.lists import (
    Action,
    Asked,
    Choice,
    Column,
    Empty,
    Field,
    Offer,
    Tool,
)
from dashboard.components.roles import MEANINGS, Holder, groups_of, users_of
from dashboard.forms.members import NewMemberForm, RoleForm
from dashboard.views.list_page import ListPage
from identity.manager import MemberManager


def _dismiss(context: RequestContext, user_id: str) -> None:
    MemberManager(context).dismiss(user_id)


DISMISS = Action(
    name="dismiss",
    text="Remove",
    icon="trash",
    policy="identity:members:remove",
    effect=_dismiss,
    done="{} was removed.",
    warning="What was made stays; tokens for the project end at once.",
    harm=True,
)


class Members(ListPage):
    """Who works here, and by which role: users, and the groups that were given roles."""

    section = route = "members"
    template = "dashboard/members/list.html"
    title, nouns = "Members", ("member", "members")
    about = "Who works on {project}, and by which role"
    columns = (
        Column("Name", "dashboard/members/name.html", sort="name"),
        Column("Roles", "dashboard/members/roles.html"),
        Column("Given here", "dashboard/members/given.html", policy="identity:members:update"),
    )
    order = "name"
    search = (Field("q", "Find by name", live=True),)
    choices = (Choice("kind", "Kind", {"": "All", "user": "Users", "group": "Groups"}),)
    actions = (DISMISS,)
    tools = (Tool("Add member", "add_member", policy="identity:members:add", box="add-box"),)
    empty = Empty("users", "Nobody has a role here yet", "Add the first member by his name.")
    limit = 50

    def find(self, asked: Asked) -> Rows[Holder]:
        """Return those that count now; roles come by many ways, so they are put together first."""
        words, kind = (asked.q or "").casefold(), asked.chosen.get("kind")
        held = [
            one
            for one in self._holders()
            if words in one.name.casefold() and kind in (None, one.kind)
        ]
        return paginate_held(
            held,
            key=lambda one: (one.name, one.id),
            marker=asked.marker,
            marked=self.key_of,
            descending=asked.order[0].descending,
            limit=asked.limit,
        )

    def _holders(self) -> Sequence[Holder]:
        manager = MemberManager(self.context)
        return [*users_of(manager.effective()), *groups_of(manager.list())]

    def offers_of(self, row: Holder) -> Sequence[Offer]:
        """Return what a manager may do: nothing with what he did not give."""
        return super().offers_of(row) if row.kind == "user" and row.managed else ()

    def names_of(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return the names of those that are here."""
        return {one.id: one.name for one in self._holders() if one.id in keys}

    def landing(self, action: Action, keys: Sequence[str]) -> str:
        """Lead away where the manager took his own role."""
        return (
            reverse("overview") if self.context.user_id in keys else super().landing(action, keys)
        )

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add the form in the box."""
        form = NewMemberForm(initial={"role": "member"})
        return super().facts(**{"form": form, "meanings": MEANINGS, **more})


class AddMember(Members):
    """Give an existing user a role."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the list with the form open."""
        return self.show(opened=True)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Add him by his exact name."""
        check(self.context, "identity:members:add")
        form = NewMemberForm(request.POST)
        if form.is_valid():
            name, role = form.cleaned_data["user_name"], form.cleaned_data["role"]
            try:
                MemberManager(self.context).add(user_name=name, role_name=role)
            except CloudwebError as error:
                if error.status == 403:
                    raise
                form.refuse(error)
            else:
                return self.done(f"{name} is {role} now.", reverse("members"))
        return self.show(status=422, form=form, opened=True)


class ChangeMember(Members):
    """Another role for a member."""

    def post(self, request: HttpRequest, user_id: str = "") -> HttpResponse:
        """Give it in place of the one he has."""
        check(self.context, "identity:members:update")
        form = RoleForm(request.POST)
        if not form.is_valid():
            return self.show(status=422)
        MemberManager(self.context).change(user_id, role_name=form.cleaned_data["role"])
        own = user_id == self.context.user_id
        return self.done("The role was changed.", reverse("overview" if own else "members"))
