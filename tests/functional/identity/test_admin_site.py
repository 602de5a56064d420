"""Identity in the operator's console: every write goes through a manager."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import authenticate
from django.test import Client

from cloudweb.encryption import encrypt
from cloudweb.exceptions import Unauthorized
from identity import quotas
from identity.bootstrap import bootstrap
from identity.models import (
    AccessToken,
    Assignment,
    Credential,
    Endpoint,
    EndpointGroup,
    Group,
    Limit,
    Project,
    ProjectQuota,
    RegisteredLimit,
    Role,
    Service,
    User,
)
from identity.tokens import valid
from tests.builders.browsers import text_of
from tests.builders.consumers import allowed, make_program
from tests.builders.identity import (
    client_of,
    grant,
    make_domain,
    make_group,
    make_member,
    make_project,
    make_provider,
    make_role,
    make_token,
)

pytestmark = pytest.mark.django_db
BASE = "/admin/identity"


@pytest.fixture
def operator() -> User:
    """Admin of one project, working on another where he is a reader."""
    user = make_member("reader", password="right")
    grant(user, make_project(), "admin")
    return user


@pytest.fixture
def site(operator: User) -> Client:
    """His browser."""
    client = Client()
    assert client.login(username=operator.name, password="right")
    return client


def post(site: Client, path: str, **fields: Any) -> Any:
    """Send a form; fail if it comes back with errors."""
    answer = site.post(f"{BASE}/{path}", fields)
    if answer.status_code == 200 and answer.context and "adminform" in answer.context:
        raise AssertionError(answer.context["adminform"].form.errors)
    assert answer.status_code == 302
    return answer


def ours() -> list[str]:
    """Return the tables of identity that the site shows."""
    return [
        model._meta.model_name or ""
        for model in admin.site._registry
        if model._meta.app_label == "identity"
    ]


@pytest.mark.usefixtures("_limited")
def test_tables_are_shown(site: Client) -> None:
    """List, form and search of each."""
    bootstrap(admin_password="x", demo_password="y")
    quotas.update(make_project().pk, "testing", {"cores": 2})
    make_group(make_member())
    make_provider("https://idp.example")
    registered = RegisteredLimit.objects.create(
        service=Service.objects.earliest("created_at"), resource_name="cores", default_limit=1
    )
    Limit.objects.create(registered_limit=registered, project=make_project(), resource_limit=2)
    make_access_token()
    EndpointGroup.objects.create(name="outside", filters={"interface": "public"})
    assert set(ours()) == {
        "domain", "project", "user", "role", "assignment", "projectquota", "service", "endpoint",
        "region", "group", "membership", "registeredlimit", "limit", "identityprovider", "mapping",
        "consumer", "accesstoken", "endpointgroup",
    }  # fmt: skip
    for name in ours():
        answer = site.get(f"{BASE}/{name}/?q=a")
        assert answer.status_code == 200, name
        row = apps.get_model("identity", name)._default_manager.first()
        shown = site.get(f"{BASE}/{name}/{row.pk}/change/")
        assert shown.status_code == 200, name
        assert "gAAAA" not in shown.content.decode(), "what is encrypted is on no page"


def make_access_token() -> AccessToken:
    """Let a consumer act for a member."""
    user, program = make_member("manager"), make_program()
    assert user.default_project is not None
    pair = allowed(program, client_of(user), user.default_project, "reader")
    return AccessToken.objects.get(pk=pair.key)


def test_an_operator_ends_what_acts_for_users(site: Client) -> None:
    """One at a time, or with the consumer."""
    first, second = make_access_token(), make_access_token()
    post(site, f"accesstoken/{first.pk}/delete/", post="yes")
    assert list(AccessToken.objects.all()) == [second]
    post(site, f"consumer/{second.consumer_id}/delete/", post="yes")
    assert not AccessToken.objects.exists()


def test_only_operators_come_in() -> None:
    """Anyone else is sent to the log-in."""
    member = make_member("manager", password="right")
    client = Client()
    client.login(username=member.name, password="right")
    assert client.get(f"{BASE}/user/").status_code == 302


def test_projects(site: Client) -> None:
    """Add, change, delete; disabling voids tokens."""
    user = make_member()
    text = make_token(user).signed()
    post(site, "project/add/", name="red", domain="default", parent="", enabled="on")
    red = Project.objects.get(name="red")
    post(site, f"project/{red.pk}/change/", name="blue", description="d", enabled="on")
    red.refresh_from_db()
    assert (red.name, red.description) == ("blue", "d")
    own = user.default_project
    assert own is not None
    post(site, f"project/{own.pk}/change/", name=own.name)
    with pytest.raises(Unauthorized):
        valid(text)
    post(site, f"project/{red.pk}/delete/", post="yes")
    assert not Project.objects.filter(pk=red.pk).exists()


def test_what_a_manager_refuses_is_said(site: Client) -> None:
    """In its words, and nothing is done."""
    role = Role.objects.create(name="fixed", immutable=True)
    answer = site.post(f"{BASE}/role/{role.pk}/delete/", {"post": "yes"}, follow=True)
    assert "is immutable" in answer.content.decode()
    assert Role.objects.filter(pk=role.pk).exists()


def test_deleting_several_asks_the_manager_for_each(site: Client) -> None:
    """The list's own action too."""
    user = make_member()
    text = make_token(user).signed()
    row = user.assignments.get()
    body = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    assert site.post(f"{BASE}/assignment/", body).status_code == 302
    assert not Assignment.objects.filter(pk=row.pk).exists()
    with pytest.raises(Unauthorized):
        valid(text)


def test_new_user_gets_a_password_on_its_own_page(site: Client) -> None:
    """Created without one, then sent there."""
    fields = {"name": "eve", "domain": "default", "enabled": "on", "email": "e@example.org"}
    answer = post(site, "user/add/", **fields)
    eve = User.objects.get(name="eve")
    assert answer.headers["Location"] == f"{BASE}/user/{eve.pk}/password/"
    assert site.get(answer.headers["Location"]).status_code == 200
    wrong = {"new_password1": "one", "new_password2": "two"}
    assert site.post(answer.headers["Location"], wrong).status_code == 200
    post(site, f"user/{eve.pk}/password/", new_password1="wonder", new_password2="wonder")
    assert authenticate(username="eve", password="wonder") == eve
    text = make_token(eve).signed()
    post(site, f"user/{eve.pk}/password/", new_password1="other", new_password2="other")
    with pytest.raises(Unauthorized):
        valid(text)


def test_disabling_a_user(site: Client) -> None:
    """By leaving out the tick."""
    user = make_member(email="u@example.org")
    text = make_token(user).signed()
    post(site, f"user/{user.pk}/change/", name=user.name, email=user.email, default_project="")
    user.refresh_from_db()
    assert not user.enabled
    assert user.default_project is None
    with pytest.raises(Unauthorized):
        valid(text)


def test_grants(site: Client) -> None:
    """A role given."""
    user, project, role = make_member(), make_project(), make_role("manager")
    post(site, "assignment/add/", user=user.pk, project=project.pk, role=role.pk)
    assert Assignment.objects.filter(user=user, project=project, role=role).exists()


def test_grants_are_listed_in_words(site: Client) -> None:
    user, project, domain = make_member(), make_project(), make_domain()
    group, role = make_group(user), make_role("reader")
    Assignment.objects.create(user=user, project=project, role=role)
    Assignment.objects.create(group=group, domain=domain, role=role, inherited=True)
    Assignment.objects.create(user=user, system=True, role=role)
    page = text_of(site.get(f"{BASE}/assignment/"))
    assert f"{user} reader project {project} there" in page
    assert f"group {group} reader domain {domain} in the projects below" in page
    assert f"{user} reader the whole cloud there" in page


def test_a_new_user_begins_in_the_default_domain(site: Client) -> None:
    make_domain()
    page = site.get(f"{BASE}/user/add/").content.decode()
    assert '<option value="default" selected>' in page
    assert 'name="domain"' not in site.get(f"{BASE}/projectquota/add/").content.decode()


@pytest.fixture
def _limited() -> Iterator[None]:
    quotas.declare("testing", {"cores": 20, "ram": 100})
    yield
    quotas._defaults.pop("testing")


@pytest.mark.usefixtures("_limited")
def test_quotas(site: Client) -> None:
    """What is not named goes back to its default; nonsense is refused."""
    project = make_project()
    fields = {"project_id": project.pk, "service": "testing"}
    post(site, "projectquota/add/", **fields, limits='{"cores": 40, "ram": 7}')
    row = ProjectQuota.objects.get(project_id=project.pk)
    post(site, f"projectquota/{row.pk}/change/", limits='{"cores": -1}')
    assert quotas.limits(project.pk, "testing") == {"cores": -1, "ram": 100}
    for nonsense in ('{"cores": "many"}', "[1]", "{", '{"cores": true}'):
        answer = site.post(f"{BASE}/projectquota/{row.pk}/change/", {"limits": nonsense})
        assert answer.status_code == 200
    answer = site.post(
        f"{BASE}/projectquota/{row.pk}/change/", {"limits": '{"ghosts": 1}'}, follow=True
    )
    assert "There is no such quota" in answer.content.decode()
    assert quotas.limits(project.pk, "testing") == {"cores": -1, "ram": 100}


def test_endpoint_out_of_the_catalog(site: Client) -> None:
    """An operator may hide a service."""
    bootstrap(admin_password="x", demo_password="y")
    endpoint = Endpoint.objects.filter(service__type="image").earliest("created_at")
    post(site, f"endpoint/{endpoint.pk}/change/", url="https://images.example")
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.enabled) == ("https://images.example", False)


def test_own_password(site: Client, operator: User) -> None:
    """Changed by the site's form: old tokens end, this session goes on."""
    text = make_token(operator).signed()
    form = {"old_password": "wrong", "new_password1": "new", "new_password2": "new"}
    answer = site.post("/admin/password_change/", form)
    assert answer.status_code == 200
    assert "old_password" in answer.context["form"].errors
    answer = site.post("/admin/password_change/", {**form, "old_password": "right"})
    assert answer.status_code == 302
    assert authenticate(username=operator.name, password="new") == operator
    with pytest.raises(Unauthorized):
        valid(text)
    assert site.get(f"{BASE}/user/").status_code == 200


def test_own_password_with_a_second_factor(site: Client, operator: User) -> None:
    """The page asks for a code, too, and says what is wrong."""
    assert b"passcode" not in site.get("/admin/password_change/").content
    seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    Credential.objects.create(user=operator, type="totp", encrypted_blob=encrypt(seed))
    assert b'name="passcode"' in site.get("/admin/password_change/").content
    form = {"old_password": "right", "new_password1": "new", "new_password2": "new"}
    answer = site.post("/admin/password_change/", {**form, "passcode": "no"})
    assert b"one-time password is wrong" in answer.content
    answer = site.post("/admin/password_change/", {**form, "passcode": pyotp.TOTP(seed).now()})
    assert answer.status_code == 302
    assert authenticate(username=operator.name, password="new") == operator


def test_a_membership_given_and_taken(site: Client) -> None:
    """Leaving ends the user's tokens."""
    post(site, "group/add/", name="ops", domain="default", description="")
    group, user = Group.objects.get(name="ops"), make_member()
    post(site, "membership/add/", group=group.pk, user=user.pk)
    row, token = group.memberships.get(), make_token(user).signed()
    post(site, f"membership/{row.pk}/delete/", post="yes")
    assert not group.memberships.exists()
    with pytest.raises(Unauthorized):
        valid(token)
