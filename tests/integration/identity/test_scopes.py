"""Where roles count: by group, inherited, on a domain, on the system; and what ends such tokens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloudweb.context import RequestContext
from cloudweb.exceptions import Forbidden, PolicyNotAuthorized, Unauthorized
from identity.exceptions import ProjectNotFound, UserNotFound
from identity.manager import AssignmentManager, TokenManager
from identity.manager.assignments import GrantTarget
from identity.manager.scoping import DomainScope, ProjectScope, SystemScope
from identity.methods import PasswordProof
from identity.models import User
from identity.querysets import effective_roles, usable_domains, usable_projects
from identity.scopes import SYSTEM, Place
from identity.tokens import Token, valid
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


def names(user: User, place: Place) -> set[str]:
    return {role.name for role in effective_roles(user.pk, place)}


def test_a_group_brings_its_roles() -> None:
    user, project = make_user(), make_project()
    grant_at(Place(project=project), "member", make_group(user))
    assert names(user, Place(project=project)) == {"member", "reader"}
    assert names(make_user(), Place(project=project)) == set()
    assert list(usable_projects(user.pk)) == [project]


def test_an_inherited_role_counts_below_and_not_there() -> None:
    user, top = make_user(), make_project()
    middle = make_project(parent=top)
    leaf, aside = make_project(parent=middle), make_project()
    grant_at(Place(project=top), "reader", user, inherited=True)
    assert names(user, Place(project=leaf)) == names(user, Place(project=middle)) == {"reader"}
    assert names(user, Place(project=top)) == names(user, Place(project=aside)) == set()
    assert set(usable_projects(user.pk)) == {middle, leaf}


def test_an_inherited_role_on_a_domain_counts_on_its_projects_alone() -> None:
    user, domain = make_user(), make_domain(id="other", name="other")
    inside, outside = make_project(domain=domain), make_project()
    grant_at(Place(domain=domain), "member", make_group(user), inherited=True)
    assert names(user, Place(project=inside)) == {"member", "reader"}
    assert names(user, Place(project=outside)) == names(user, Place(domain=domain)) == set()
    assert list(usable_projects(user.pk)) == [inside]
    assert list(usable_domains(user.pk)) == []


def test_a_role_of_a_domain_counts_by_what_it_implies() -> None:
    user, project = make_user(), make_project()
    own = make_role("operator-of-a-domain")
    own.domain = make_domain()
    own.save()
    own.implications.create(implied=make_role("reader"))
    grant_at(Place(project=project), "member", user)
    user.assignments.update(role=own)
    assert names(user, Place(project=project)) == {"reader"}


def issue(user: User, scope: ProjectScope | DomainScope | SystemScope) -> Token:
    proof = PasswordProof(password="secret", user_id=user.pk)
    return TokenManager(RequestContext()).issue(proofs=[proof], scope=scope).token


def test_log_in_to_each_scope() -> None:
    user, domain = make_user(password="secret"), make_domain(id="other", name="other")
    for place in (SYSTEM, Place(domain=domain)):
        grant_at(place, "admin", user)
    on_domain = issue(user, DomainScope(name="other"))
    assert (on_domain.domain_id, on_domain.project_id) == ("other", "")
    assert "admin" in on_domain.roles
    assert issue(user, SystemScope()).system
    with pytest.raises(Unauthorized):
        issue(user, DomainScope(domain_id="default"))
    with pytest.raises(Unauthorized):
        issue(make_user(password="secret"), SystemScope())
    domain.enabled = False
    domain.save()
    with pytest.raises(Unauthorized):
        issue(user, DomainScope(domain_id="other"))


def test_admin_of_a_domain_is_no_operator() -> None:
    user, domain = make_user(), make_domain(id="other", name="other")
    grant_at(Place(domain=domain), "admin", user)
    context = make_context(user, place=Place(domain=domain))
    assert not context.is_admin
    assert not context.reads_all
    grant_at(SYSTEM, "reader", user)
    reader = make_context(user, place=SYSTEM)
    assert reader.reads_all
    assert not reader.is_admin
    assert not user.is_staff
    grant_at(SYSTEM, "admin", user)
    assert make_context(user, place=SYSTEM).is_admin
    assert User.objects.get(pk=user.pk).is_staff


Act = Callable[[User, Place], object]
PLACES = {
    "project": lambda: Place(project=make_project()),
    "domain": lambda: Place(domain=make_domain(id="other", name="other")),
    "system": lambda: SYSTEM,
}


def target(place: Place, **holder: str) -> GrantTarget:
    return GrantTarget(
        project_id=place.project.pk if place.project else None,
        domain_id=place.domain.pk if place.domain else None,
        system=place.system,
        **holder,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("kind", PLACES)
def test_a_role_withdrawn_ends_the_tokens_of_that_scope_alone(kind: str) -> None:
    place, user = PLACES[kind](), make_member()
    grant_at(place, "member", user)
    there, elsewhere = make_token(user, place=place), make_token(user)
    AssignmentManager(CLOUD).withdraw(
        target(place, user_id=user.pk), role_id=make_role("member").pk
    )
    with pytest.raises(Unauthorized):
        valid(there.signed())
    assert valid(elsewhere.signed())


@pytest.mark.parametrize("kind", PLACES)
def test_a_groups_role_withdrawn_ends_its_members_tokens(kind: str) -> None:
    place, user = PLACES[kind](), make_member()
    group = make_group(user)
    grant_at(place, "member", group)
    there, elsewhere = make_token(user, place=place), make_token(user)
    AssignmentManager(CLOUD).withdraw(
        target(place, group_id=group.pk), role_id=make_role("member").pk
    )
    with pytest.raises(Unauthorized):
        valid(there.signed())
    assert valid(elsewhere.signed())


def domain_manager(role: str = "manager") -> RequestContext:
    place = Place(domain=make_domain(id="other", name="other"))
    user = make_user(domain=place.domain)
    grant_at(place, role, user)
    return make_context(user, place=place)


def test_a_domains_manager_grants_within_his_domain() -> None:
    context = domain_manager()
    own = make_domain(id="other", name="other")
    project, user = make_project(domain=own), make_user(domain=own)
    manager, member = AssignmentManager(context), make_role("member").pk
    manager.grant(target(Place(project=project), user_id=user.pk), role_id=member)
    with pytest.raises(UserNotFound):
        manager.grant(target(Place(project=project), user_id=make_user().pk), role_id=member)
    with pytest.raises(ProjectNotFound):
        manager.grant(target(Place(project=make_project()), user_id=user.pk), role_id=member)
    with pytest.raises(Forbidden):
        manager.grant(target(SYSTEM, user_id=user.pk), role_id=member)


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_a_domains_admin_makes_no_operators(role: str) -> None:
    """Role admin on any project operates the cloud."""
    context = domain_manager(role)
    own = make_domain(id="other", name="other")
    project, user = make_project(domain=own), make_user(domain=own)
    where = target(Place(project=project), user_id=user.pk)
    with pytest.raises(Forbidden):
        AssignmentManager(context).grant(where, role_id=make_role("admin").pk)


def test_a_domains_reader_grants_nothing() -> None:
    with pytest.raises(PolicyNotAuthorized):
        AssignmentManager(domain_manager("reader")).grant(
            GrantTarget(user_id="a", project_id="b"), role_id="c"
        )
