"""A domain's manager: everything in his domain, nothing beyond it, and never more than he may give."""

from __future__ import annotations

import pytest

from cloudweb.context import RequestContext
from cloudweb.exceptions import Forbidden, PolicyNotAuthorized
from identity.exceptions import (
    DomainInUse,
    GroupNotFound,
    MemberNotFound,
    ProjectNotFound,
    UserNotFound,
)
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
from identity.manager.effective import Asked
from identity.models import Domain, Project, User
from identity.scopes import SYSTEM, Place
from tests.builders.identity import (
    grant_at,
    make_context,
    make_domain,
    make_group,
    make_member,
    make_project,
    make_role,
    make_user,
)

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db]
CLOUD = RequestContext.system()


@pytest.fixture
def domain() -> Domain:
    return make_domain(id="other", name="other")


@pytest.fixture
def boss(domain: Domain) -> RequestContext:
    """The domain's manager."""
    user = make_user(domain=domain)
    grant_at(Place(domain=domain), "manager", user)
    return make_context(user, place=Place(domain=domain))


def test_lists_hold_his_domain_alone(boss: RequestContext, domain: Domain) -> None:
    own, foreign = make_project(domain=domain), make_project()
    mine, theirs = make_group(domain=domain), make_group()
    make_user()
    assert list(ProjectManager(boss).list()) == [own]
    assert list(GroupManager(boss).list()) == [mine]
    assert {user.domain_id for user in UserManager(boss).list()} == {domain.pk}
    assert list(DomainManager(boss).list()) == [domain]
    with pytest.raises(ProjectNotFound):
        ProjectManager(boss).update(foreign.pk, name="mine")
    with pytest.raises(GroupNotFound):
        GroupManager(boss).delete(theirs.pk)
    with pytest.raises(UserNotFound):
        GroupManager(boss).add_member(mine.pk, make_user().pk)


def test_he_creates_in_his_domain_alone(boss: RequestContext, domain: Domain) -> None:
    assert ProjectManager(boss).create(name="p").domain_id == domain.pk
    for create in (ProjectManager(boss).create, GroupManager(boss).create):
        with pytest.raises(Forbidden):
            create(name="x", domain_id="default")
    with pytest.raises(Forbidden):
        UserManager(boss).create(name="x", domain_id="default")


@pytest.mark.parametrize("role", ["admin", "service", "unknown"])
def test_he_cannot_become_who_has_more(boss: RequestContext, domain: Domain, role: str) -> None:
    """Neither by a password, nor by a group, nor by a grant."""
    operator, group = make_user(domain=domain), make_group(domain=domain)
    for holder in (operator, group):
        grant_at(Place(project=make_project()), role, holder)
    with pytest.raises(Forbidden):
        UserManager(boss).update(operator.pk, password="known")
    with pytest.raises(Forbidden):
        UserManager(boss).delete(operator.pk)
    with pytest.raises(Forbidden):
        GroupManager(boss).add_member(group.pk, str(boss.user_id))
    target = GrantTarget(user_id=boss.user_id, project_id=make_project(domain=domain).pk)
    with pytest.raises(Forbidden):
        AssignmentManager(boss).grant(target, role_id=make_role(role).pk)


def test_a_role_on_the_system_counts_as_more(boss: RequestContext, domain: Domain) -> None:
    reader = make_user(domain=domain)
    grant_at(SYSTEM, "reader", make_group(reader))
    with pytest.raises(Forbidden):
        UserManager(boss).update(reader.pk, password="known")


def test_a_role_that_only_implies_more_counts_too(boss: RequestContext, domain: Domain) -> None:
    own = RoleManager(CLOUD).create(name="own", domain_id=domain.pk)
    ImpliedRoleManager(CLOUD).create(own.pk, make_role("service").pk)
    target = GrantTarget(user_id=boss.user_id, project_id=make_project(domain=domain).pk)
    with pytest.raises(Forbidden):
        AssignmentManager(boss).grant(target, role_id=own.pk)


def test_a_project_manager_gives_no_more_than_his_own() -> None:
    manager = make_member("manager")
    members = MemberManager(make_context(manager))
    for role in ("admin", "service", "custom"):
        make_role(role)
        with pytest.raises(Forbidden):
            members.add(user_name=make_user().name, role_name=role)
    with pytest.raises(UserNotFound):
        members.add(user_name="nobody", role_name="member")
    with pytest.raises(MemberNotFound):
        members.remove(user_id=make_member("member").pk, role_name="member")
    with pytest.raises(PolicyNotAuthorized):
        MemberManager(make_context(make_member("member"))).add(user_name="x", role_name="reader")


def lines(asked: Asked) -> set[tuple[str, str, str]]:
    found = AssignmentManager(CLOUD).list(asked)
    return {
        (
            (one.member or one.assignment.user or one.assignment.group).name,  # type: ignore[union-attr]
            (one.project or one.assignment.project or one.assignment.domain).name,  # type: ignore[union-attr]
            one.role.name,
        )
        for one in found
    }


def test_assignments_as_they_take_effect(domain: Domain) -> None:
    top = make_project(domain=domain, name="top")
    make_project(domain=domain, name="leaf", parent=top)
    ann, bob = (make_user(domain=domain, name=name) for name in ("ann", "bob"))
    group = make_group(ann, bob, domain=domain, name="group")
    grant_at(Place(domain=domain), "member", group, inherited=True)
    grant_at(Place(project=top), "watcher", bob, inherited=True)
    leaf = Project.objects.get(name="leaf")
    assert lines(Asked(group_id=group.pk)) == {("group", "other", "member")}
    assert lines(Asked(project_id=leaf.pk)) == set()
    assert lines(Asked(project_id=leaf.pk, effective=True)) == {
        ("ann", "leaf", "member"), ("ann", "leaf", "reader"), ("bob", "leaf", "member"),
        ("bob", "leaf", "reader"), ("bob", "leaf", "watcher"),
    }  # fmt: skip
    both = Asked(project_id=top.pk, user_id=ann.pk, effective=True, include_subtree=True)
    assert lines(both) == {
        ("ann", project, role) for project in ("top", "leaf") for role in ("member", "reader")
    }
    reader = Asked(user_id=bob.pk, role_id=make_role("watcher").pk, effective=True)
    assert lines(reader) == {("bob", "leaf", "watcher")}


def test_a_domain_goes_with_its_people_when_its_projects_are_empty(domain: Domain) -> None:
    project = make_project(domain=domain)
    make_project(domain=domain, parent=project)
    user = make_user(domain=domain)
    grant_at(Place(project=project), "member", make_group(user, domain=domain))
    with pytest.raises(Forbidden):
        DomainManager(CLOUD).delete(domain.pk)
    DomainManager(CLOUD).update(domain.pk, enabled=False)
    DomainManager(CLOUD).delete(domain.pk)
    left = (Domain.objects.filter(pk=domain.pk), User.objects.filter(pk=user.pk))
    assert not any(rows.exists() for rows in left)
    assert not Project.objects.filter(domain_id=domain.pk).exists()


def test_a_domain_whose_projects_hold_things_stays(
    domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(domain=domain)
    holdings = {"servers": 2}
    monkeypatch.setattr("identity.manager.domains.holdings_of", lambda _noun, _project: holdings)
    DomainManager(CLOUD).update(domain.pk, enabled=False)
    with pytest.raises(DomainInUse) as refused:
        DomainManager(CLOUD).delete(domain.pk)
    assert refused.value.holdings == holdings
    assert Project.objects.filter(pk=project.pk).exists()


def test_no_circle_of_implications() -> None:
    member, reader = make_role("member"), make_role("reader")
    manager = ImpliedRoleManager(CLOUD)
    for prior, implied in ((reader, member), (member, member)):
        with pytest.raises(Exception, match="contains"):
            manager.create(prior.pk, implied.pk)
    with pytest.raises(Forbidden):
        manager.create(member.pk, make_role("admin").pk)
