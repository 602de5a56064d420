"""Members of the project: everyone in it sees them, its manager sees to them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from cloudweb.exceptions import CloudwebError
from cloudweb.policy import check
from dashboard.components.roles import MEANINGS, groups_of, users_of
from dashboard.forms.members import NewMemberForm, RoleForm
from dashboard.views.page import Page
from identity.manager import MemberManager


class Members(Page):
    """Who works here, and by which role."""

    section = "members"

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show them."""
        return self.show()

    def show(self, *, status: int = 200, **more: Any) -> HttpResponse:
        """Show them, with a form that was refused."""
        manager = MemberManager(self.context)
        data = {
            "users": users_of(manager.effective()),
            "groups": groups_of(manager.list()),
            "form": NewMemberForm(initial={"role": "member"}),
            "meanings": MEANINGS,
            "may_manage": self.may("identity:members:add"),
            **more,
        }
        return self.render("dashboard/members.html", status=status, **data)


class AddMember(Members):
    """Give an existing user a role."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Lead back to the list."""
        return HttpResponseRedirect(reverse("members"))

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

    def post(self, request: HttpRequest, user_id: str) -> HttpResponse:
        """Give it in place of the one he has."""
        check(self.context, "identity:members:update")
        form = RoleForm(request.POST)
        if not form.is_valid():
            return self.show(status=422)
        MemberManager(self.context).change(user_id, role_name=form.cleaned_data["role"])
        return self._gone_on("The role was changed.", user_id)

    def _gone_on(self, text: str, user_id: str) -> HttpResponse:
        """Go back to the list, or away where the manager took his own role."""
        own = user_id == self.context.user_id
        return self.done(text, reverse("overview" if own else "members"))


class DismissMember(ChangeMember):
    """Take a member's roles."""

    def post(self, request: HttpRequest, user_id: str) -> HttpResponse:
        """Take them, which voids his tokens for the project at once."""
        MemberManager(self.context).dismiss(user_id)
        return self._gone_on("The member was removed.", user_id)
