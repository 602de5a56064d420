"""Members of a project: who sees them, who changes them, and how far that goes."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloudweb.exceptions import Forbidden, Unauthorized
from identity.exceptions import MemberNotFound
from identity.manager import MemberManager
from identity.models import Assignment, Project, Role, User
from identity.scopes import Place
from identity.tokens import valid
from tests.builders.browsers import PASSWORD, browser_of, said, text_of
from tests.builders.identity import (
    grant,
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

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    for role in ("admin", "service"):
        make_role(role)
    return make_project(name="red")


@pytest.fixture
def manager(project: Project) -> User:
    return make_member("manager", project=project, password=PASSWORD, name="boss")


@pytest.fixture
def browser(manager: User) -> Client:
    return browser_of(manager)


def gone(user: User) -> dict[str, str]:
    """What the button that removes a member sends."""
    return {"one": f"dismiss {user.pk}", "agreed": "yes"}


def roles_of(user: User, project: Project) -> set[str]:
    rows = Assignment.objects.filter(user=user, project=project, inherited=False)
    return set(rows.values_list("role__name", flat=True))


@pytest.mark.parametrize(
    ("role", "manages"), [("reader", False), ("member", False), ("manager", True), ("admin", True)]
)
def test_who_sees_and_adds_members(project: Project, role: str, manages: bool) -> None:
    client = browser_of(make_member(role, project=project, password=PASSWORD))
    newcomer = make_user(name="newcomer")
    make_member("member", name="colleague", project=project)
    page = client.get("/members")
    assert "colleague" in text_of(page)
    assert ("Add member" in text_of(page)) == manages
    assert ("dismiss " in page.content.decode()) == manages
    assert 'href="/members"' in client.get("/account").content.decode()
    answer = client.post("/members/add", {"user_name": "newcomer", "role": "reader"})
    assert answer.status_code == (302 if manages else 403)
    assert roles_of(newcomer, project) == ({"reader"} if manages else set())


def test_every_way_to_a_role_is_shown(browser: Client, project: Project) -> None:
    above = make_project(name="above")
    Project.objects.filter(pk=project.pk).update(parent=above)
    eve, ann = make_user(name="eve"), make_user(name="ann")
    grant(eve, project, "reader")
    grant_at(Place(project=project), "member", make_group(eve, name="builders"))
    grant_at(Place(project=above), "reader", ann, inherited=True)
    grant_at(Place(domain=make_domain()), "member", make_group(ann, name="all"), inherited=True)
    stranger = make_member("member", name="stranger")
    page = text_of(browser.get("/members"))
    assert "member by group builders" in page
    assert "reader by project above" in page
    assert "member by group all, domain Default" in page
    assert "none that you can change" in page
    assert stranger.name not in page
    assert "Groups" in page


def test_adding_by_name(browser: Client, project: Project) -> None:
    other = make_domain(id="other", name="Other")
    make_user(name="far", domain=other)
    newcomer = make_user(name="new comer")
    answer = browser.post("/members/add", {"user_name": "new comer", "role": "member"})
    assert answer.url == "/members"
    assert said(answer) == ["new comer is member now."]
    assert roles_of(newcomer, project) == {"member"}
    for name in ("nobody", "NEW COMER", "far"):
        wrong = browser.post("/members/add", {"user_name": name, "role": "member"})
        assert wrong.status_code == 422
        assert "Could not find user" in text_of(wrong)
    assert browser.post("/members/add", {"user_name": "", "role": "member"}).status_code == 422


@pytest.mark.parametrize("role", ["admin", "service", "nonsense", ""])
def test_no_role_beyond_manager(browser: Client, project: Project, role: str) -> None:
    eve = make_user(name="eve")
    grant(eve, project, "reader")
    add = browser.post("/members/add", {"user_name": "eve", "role": role})
    change = browser.post(f"/members/{eve.pk}/role", {"role": role})
    assert (add.status_code, change.status_code) == (422, 422)
    assert roles_of(eve, project) == {"reader"}


def test_another_role_in_place_of_the_old_one(browser: Client, project: Project) -> None:
    eve = make_user(name="eve")
    grant(eve, project, "member")
    grant(eve, project, "reader")
    token = make_token(eve, project).signed()
    assert browser.post(f"/members/{eve.pk}/role", {"role": "manager"}).url == "/members"
    assert roles_of(eve, project) == {"manager"}
    with pytest.raises(Unauthorized):
        valid(token)
    make_token(eve, project)
    assert browser.post(f"/members/{eve.pk}/role", {"role": "reader"}).url == "/members"
    assert roles_of(eve, project) == {"reader"}


def test_the_same_role_again_ends_no_token(browser: Client, project: Project) -> None:
    eve = make_user(name="eve")
    grant(eve, project, "member")
    token = make_token(eve, project).signed()
    assert browser.post(f"/members/{eve.pk}/role", {"role": "member"}).url == "/members"
    assert valid(token)


def test_removing(browser: Client, project: Project) -> None:
    eve = make_member("member", name="eve")
    grant(eve, project, "member")
    token = make_token(eve, project).signed()
    assert browser.post("/members", gone(eve)).url == "/members"
    assert roles_of(eve, project) == set()
    assert roles_of(eve, eve.default_project) == {"member"}
    with pytest.raises(Unauthorized):
        valid(token)
    assert browser.post("/members", gone(eve)).status_code == 404


def test_operators_and_members_elsewhere_are_out_of_reach(
    browser: Client, project: Project
) -> None:
    operator = make_user(name="operator")
    grant(operator, project, "admin")
    stranger = make_member("member", name="stranger")
    for user in (operator, stranger):
        assert browser.post("/members", gone(user)).status_code == 404
        assert browser.post(f"/members/{user.pk}/role", {"role": "reader"}).status_code == 404
    assert roles_of(operator, project) == {"admin"}
    assert roles_of(stranger, stranger.default_project) == {"member"}


def test_a_role_that_contains_more_is_neither_given_nor_taken(
    project: Project, manager: User
) -> None:
    """An operator let members be admins by implication: managers keep their hands off."""
    from identity.models import Implication

    eve = make_user(name="eve")
    grant(eve, project, "member")
    Implication.objects.create(prior=make_role("reader"), implied=Role.objects.get(name="service"))
    context = make_context(manager)
    for call in (
        lambda: MemberManager(context).change(eve.pk, role_name="reader"),
        lambda: MemberManager(context).dismiss(eve.pk),
    ):
        with pytest.raises(Forbidden):
            call()
    assert roles_of(eve, project) == {"member"}
    with pytest.raises(MemberNotFound):
        MemberManager(context).dismiss("nobody")


def test_a_manager_who_leaves_lands_elsewhere(
    browser: Client, manager: User, project: Project
) -> None:
    assert browser.post(f"/members/{manager.pk}/role", {"role": "reader"}).url == "/"
    assert "Add member" not in text_of(browser.get("/members"))
    assert roles_of(manager, project) == {"reader"}


def test_the_list_costs_the_same_for_one_and_for_many(browser: Client, project: Project) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get("/members").status_code == 200
        return len(seen.captured_queries)

    def fill(number: int) -> None:
        for _ in range(number):
            grant(make_user(), project, "member")
            group = make_group(make_user(), make_user())
            grant_at(Place(project=project), "reader", group)

    fill(1)
    cost()
    first = cost()
    fill(10)
    assert cost() == first
    assert first == 14
