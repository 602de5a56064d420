"""What ends a token at once: each way to lose a role, and that others keep theirs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloudweb.context import RequestContext
from cloudweb.exceptions import Unauthorized
from identity.manager import (
    AssignmentManager,
    DomainManager,
    GroupManager,
    ImpliedRoleManager,
    MemberManager,
    ProjectManager,
    RoleManager,
    UserManager,
)
from identity.manager.assignments import GrantTarget
from identity.models import User
from identity.scopes import Place
from identity.tokens import valid
from tests.builders.identity import (
    grant_at,
    make_context,
    make_domain,
    make_group,
    make_member,
    make_project,
    make_role,
    make_token,
    make_user,
)

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
CLOUD = RequestContext.system()


def leave_group(user: User) -> None:
    GroupManager(CLOUD).remove_member(user.groups.get().pk, user.pk)


def delete_group(user: User) -> None:
    GroupManager(CLOUD).delete(user.groups.get().pk)


def withdraw_from_group(user: User) -> None:
    row = user.groups.get().assignments.get()
    target = GrantTarget(group_id=row.group_id, project_id=row.project_id)
    AssignmentManager(CLOUD).withdraw(target, role_id=row.role_id)


def withdraw_implication(user: User) -> None:
    ImpliedRoleManager(CLOUD).delete(make_role("member").pk, make_role("reader").pk)


def delete_role(user: User) -> None:
    RoleManager(CLOUD).delete(make_role("member").pk)


def rename_role(user: User) -> None:
    RoleManager(CLOUD).update(make_role("member").pk, name="other")


def disable_project(user: User) -> None:
    ProjectManager(CLOUD).update(str(user.default_project_id), enabled=False)


def delete_project(user: User) -> None:
    ProjectManager(CLOUD).delete(str(user.default_project_id))


def disable_domain(user: User) -> None:
    DomainManager(CLOUD).update(user.domain_id, enabled=False)


def disable_user(user: User) -> None:
    UserManager(CLOUD).update(user.pk, enabled=False)


def set_password(user: User) -> None:
    UserManager(CLOUD).update(user.pk, password="another one")


WAYS: tuple[Callable[[User], None], ...] = (
    leave_group, delete_group, withdraw_from_group, withdraw_implication, delete_role, rename_role,
    disable_project, delete_project, disable_domain, disable_user, set_password,
)  # fmt: skip


@pytest.mark.parametrize("lose", WAYS, ids=lambda way: way.__name__)
def test_it_ends_the_token_and_no_strangers(lose: Callable[[User], None]) -> None:
    domain = make_domain(id="other", name="other")
    project = make_project(domain=domain)
    user = make_user(domain=domain, default_project=project)
    grant_at(Place(project=project), "member", make_group(user, domain=domain))
    stranger = make_user(default_project=make_project())
    make_role("watcher")
    grant_at(Place(project=stranger.default_project), "watcher", stranger)
    own, strange = make_token(user).signed(), make_token(stranger).signed()
    lose(User.objects.get(pk=user.pk))
    with pytest.raises(Unauthorized):
        valid(own)
    assert valid(strange)


def test_a_project_manager_takes_a_role_back() -> None:
    manager, project = make_member("manager"), make_project()
    project = manager.default_project or project
    member = make_user(default_project=project)
    members = MemberManager(make_context(manager))
    members.add(user_name=member.name, role_name="member")
    token = make_token(member)
    assert "member" in valid(token.signed()).roles
    members.remove(user_id=member.pk, role_name="member")
    with pytest.raises(Unauthorized):
        valid(token.signed())
