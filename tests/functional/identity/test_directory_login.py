"""Users of an LDAP directory: log-in over the API and the dashboard, groups, departure, outage."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from django.test import Client

from cloudweb import process
from identity.directories import conf, login
from identity.directories.conf import Directory
from identity.directories.shadows import shadow_id
from identity.models import Assignment, Domain, Group, Membership, User
from identity.models.user import Source
from tests.builders.directory import PASSWORD, PEOPLE, Slapd, private_slapd
from tests.builders.identity import (
    ApiClient,
    client_with,
    make_domain,
    make_project,
    make_role,
    make_user,
)
from tests.infrastructure import free_port

pytestmark = pytest.mark.django_db
TOKENS = "/identity/v3/auth/tokens"


@pytest.fixture(scope="module")
def slapd() -> Iterator[Slapd]:
    with private_slapd() as running:
        yield running


@pytest.fixture
def people(slapd: Slapd) -> Iterator[Slapd]:
    """A directory with alice and bob in the group dev."""
    alice, bob = slapd.add_person("alice"), slapd.add_person("bob")
    group = slapd.add_group("dev", alice, bob)
    yield slapd
    for dn in (group, alice, bob):
        slapd.delete(dn, missing_ok=True)


@pytest.fixture(autouse=True)
def corp() -> Domain:
    make_domain()
    return make_domain(id="corp-id", name="corp")


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Configure a directory for the domain corp."""

    def configure(directory: Directory) -> None:
        login._resting_until.clear()
        monkeypatch.setattr(conf, "_configured", lambda: (directory,))

    return configure


@pytest.fixture
def directory(people: Slapd, use: Any) -> Directory:
    found = people.directory()
    use(found)
    return found


def test_attempts_count_for_the_entry_however_its_name_is_spelt(
    directory: Directory, settings: Any, redis_socket: Path
) -> None:
    """A directory takes a name in any case and with any spaces."""
    redis.Redis(unix_socket_path=str(redis_socket)).flushall()
    settings.THROTTLES, settings.THROTTLE_SOCKET = {"login": "3/minute"}, str(redis_socket)
    spelt = ("alice", "ALICE", " alice", "aLice ")
    assert [log_in(name, "wrong").status_code for name in spelt] == [401, 401, 401, 429]
    assert log_in("Alice").status_code == 429
    assert log_in("bob").status_code == 201


def ask(user: dict[str, Any], scope: Any = "unscoped") -> Any:
    body = {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}
    return ApiClient().send("POST", TOKENS, {"auth": body})


def log_in(
    name: str = "alice", password: str = PASSWORD, *, domain: dict[str, str] | None = None
) -> Any:
    return ask({"name": name, "password": password, "domain": domain or {"name": "corp"}})


def is_valid(token: str) -> bool:
    return ApiClient(token).send("GET", "/identity/v3/auth/projects").status_code == 200


@pytest.mark.usefixtures("directory")
def test_the_first_log_in_makes_the_user(corp: Domain) -> None:
    answer = log_in()
    assert answer.status_code == 201
    said = answer.json()["token"]["user"]
    assert (said["name"], said["domain"]["name"]) == ("alice", "corp")
    user = User.objects.get(pk=said["id"])
    assert user.source == Source.LDAP
    assert user.email == "alice@corp.example"
    assert not user.has_usable_password()
    assert user.pk == shadow_id(corp.pk, user.external_id)
    assert len(user.pk) == 32


@pytest.mark.usefixtures("directory")
@pytest.mark.parametrize("by", [{"id": "corp-id"}, {"name": "corp"}])
def test_the_domain_is_given_by_id_or_name(by: dict[str, str]) -> None:
    assert log_in(domain=by).status_code == 201


@pytest.mark.usefixtures("directory")
def test_log_in_by_the_id_one_has() -> None:
    user_id = log_in().json()["token"]["user"]["id"]
    assert ask({"id": user_id, "password": PASSWORD}).status_code == 201
    assert ask({"id": user_id, "password": "wrong"}).status_code == 401
    assert ask({"id": user_id, "password": ""}).status_code == 400


@pytest.mark.usefixtures("directory")
@pytest.mark.parametrize(
    ("name", "password", "status"),
    [
        ("alice", "wrong", 401),
        ("alice", "", 400),
        ("nobody", PASSWORD, 401),
        ("*", PASSWORD, 401),
        ("alice)(uid=*", "x", 401),
    ],
)
def test_others_stay_out_and_leave_nothing(name: str, password: str, status: int) -> None:
    answer = log_in(name, password)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == status
    assert not User.objects.filter(source=Source.LDAP).exists()


@pytest.mark.usefixtures("directory")
def test_other_domains_do_not_see_the_directory() -> None:
    assert log_in(domain={"id": "default"}).status_code == 401


@pytest.mark.usefixtures("directory")
def test_a_user_of_this_cloud_may_live_in_the_domain_and_keeps_his_name(corp: Domain) -> None:
    ours = make_user(domain=corp, name="alice", password="ours")
    assert log_in(password="ours").json()["token"]["user"]["id"] == ours.pk
    assert log_in(password=PASSWORD).status_code == 401


@pytest.mark.usefixtures("directory")
def test_groups_are_mirrored_and_carry_roles(people: Slapd, corp: Domain) -> None:
    call_command("sync_directories")
    group = Group.objects.get(domain=corp, name="dev", source=Source.LDAP)
    project = make_project(domain=corp)
    Assignment.objects.create(group=group, project=project, role=make_role("member"))
    scope = {"project": {"id": project.pk}}
    named = {"name": "alice", "domain": {"id": corp.pk}, "password": PASSWORD}
    answer = ask(named, scope)
    assert answer.status_code == 201
    assert {role["name"] for role in answer.json()["token"]["roles"]} == {"member", "reader"}
    token = answer.headers["X-Subject-Token"]

    people.replace(f"cn=dev,ou=groups,{PEOPLE.partition(',')[2]}", member=[f"uid=bob,{PEOPLE}"])
    assert is_valid(token)
    assert log_in().status_code == 201
    assert not is_valid(token)
    assert ask(named, scope).status_code == 401


@pytest.mark.usefixtures("directory")
def test_a_group_of_this_cloud_is_not_filled_by_the_directory(corp: Domain) -> None:
    ours = Group.objects.create(domain=corp, name="dev")
    assert log_in().status_code == 201
    assert not Membership.objects.filter(group=ours).exists()


@pytest.mark.usefixtures("directory")
def test_memberships_given_here_stay(corp: Domain) -> None:
    user = User.objects.get(pk=log_in().json()["token"]["user"]["id"])
    ours = Group.objects.create(domain=corp, name="ours")
    Membership.objects.create(group=ours, user=user)
    log_in()
    assert set(user.groups.values_list("name", flat=True)) == {"dev", "ours"}


@pytest.mark.usefixtures("directory")
def test_a_renamed_user_is_the_same_user(people: Slapd) -> None:
    before = log_in().json()["token"]["user"]["id"]
    people.rename(f"uid=alice,{PEOPLE}", "uid=alicia")
    after = log_in("alicia").json()["token"]["user"]
    people.rename(f"uid=alicia,{PEOPLE}", "uid=alice")
    assert (after["id"], after["name"]) == (before, "alicia")


@pytest.mark.usefixtures("directory")
def test_a_new_user_of_an_old_name_is_another_user(people: Slapd) -> None:
    before = log_in().json()["token"]["user"]["id"]
    people.delete(f"uid=alice,{PEOPLE}")
    people.add_person("alice")
    after = log_in().json()["token"]["user"]
    assert after["id"] != before
    assert after["name"] == "alice"
    assert User.objects.get(pk=before).name == f"alice ({before[:8]})"


@pytest.mark.usefixtures("directory")
def test_who_left_loses_his_tokens_and_may_return(people: Slapd) -> None:
    answer = log_in()
    token, user_id = answer.headers["X-Subject-Token"], answer.json()["token"]["user"]["id"]
    bob = log_in("bob").headers["X-Subject-Token"]
    people.replace(f"uid=alice,{PEOPLE}", objectClass=["inetOrgPerson", "pkiUser"])
    conf.directories()
    call_command("sync_directories")
    assert is_valid(token)

    people.delete(f"uid=alice,{PEOPLE}")
    call_command("sync_directories")
    assert not is_valid(token)
    assert is_valid(bob)
    assert not User.objects.get(pk=user_id).is_active
    assert log_in().status_code == 401


def test_who_no_longer_fits_the_filter_left(people: Slapd, use: Any) -> None:
    use(people.directory())
    token = log_in().headers["X-Subject-Token"]
    use(people.directory(user_filter="(!(uid=alice))"))
    call_command("sync_directories")
    assert not is_valid(token)
    use(people.directory())
    again = log_in()
    assert again.status_code == 201
    assert is_valid(again.headers["X-Subject-Token"])


@pytest.mark.usefixtures("directory")
def test_an_operator_may_disable_a_user_of_the_directory() -> None:
    user_id = log_in().json()["token"]["user"]["id"]
    admin = client_with("admin")
    path = f"/identity/v3/users/{user_id}"
    assert admin.send("PATCH", path, {"user": {"enabled": False}}).status_code == 200
    assert log_in().status_code == 401


@pytest.mark.usefixtures("directory")
@pytest.mark.parametrize(
    "change", [{"name": "x"}, {"password": "new-Password-1"}, {"email": "x@y.example"}]
)
def test_what_the_directory_keeps_is_not_changed_here(change: dict[str, str]) -> None:
    user_id = log_in().json()["token"]["user"]["id"]
    answer = client_with("admin").send("PATCH", f"/identity/v3/users/{user_id}", {"user": change})
    assert answer.status_code == 403
    assert "kept by an LDAP directory" in answer.json()["error"]["message"]


@pytest.mark.usefixtures("directory")
def test_nobody_changes_his_own_ldap_password_here() -> None:
    answer = log_in()
    user_id, token = answer.json()["token"]["user"]["id"], answer.headers["X-Subject-Token"]
    body = {"user": {"original_password": PASSWORD, "password": "new-Password-1"}}
    refused = ApiClient(token).send("POST", f"/identity/v3/users/{user_id}/password", body)
    assert refused.status_code == 403
    assert "kept by an LDAP directory" in refused.json()["error"]["message"]


@pytest.mark.usefixtures("directory")
def test_a_mirrored_group_is_changed_in_the_directory_alone(corp: Domain) -> None:
    call_command("sync_directories")
    answer, ours = log_in(), make_user(domain=corp)
    alice, token = answer.json()["token"]["user"]["id"], answer.headers["X-Subject-Token"]
    group = Group.objects.get(domain=corp, name="dev")
    before = set(group.members.values_list("pk", flat=True))
    assert before == {alice}
    path, admin = f"/identity/v3/groups/{group.pk}", client_with("admin")
    for answer in (
        admin.send("PUT", f"{path}/users/{ours.pk}"),
        admin.send("DELETE", f"{path}/users/{alice}"),
        admin.send("PATCH", path, {"group": {"name": "ours"}}),
    ):
        assert answer.status_code == 403
        assert "kept by an LDAP directory" in answer.json()["error"]["message"]
    group.refresh_from_db()
    assert group.name == "dev"
    assert set(group.members.values_list("pk", flat=True)) == before
    assert is_valid(token)

    words = {"name": "dev", "description": "Who writes programs"}
    assert admin.send("PATCH", path, {"group": words}).status_code == 200
    assert admin.send("DELETE", path).status_code == 204


@pytest.mark.usefixtures("directory")
def test_a_user_of_the_directory_joins_and_leaves_a_group_of_this_cloud(corp: Domain) -> None:
    user_id = log_in().json()["token"]["user"]["id"]
    ours = Group.objects.create(domain=corp, name="ours")
    path, admin = f"/identity/v3/groups/{ours.pk}/users/{user_id}", client_with("admin")
    assert admin.send("PUT", path).status_code == 204
    assert ours.members.filter(pk=user_id).exists()
    assert admin.send("DELETE", path).status_code == 204
    assert not ours.members.filter(pk=user_id).exists()


def test_an_outage_is_503_for_this_domain_alone(people: Slapd, use: Any) -> None:
    use(people.directory())
    user_id = log_in().json()["token"]["user"]["id"]
    local = make_user(password="right")
    use(people.directory(url=f"ldap://127.0.0.1:{free_port()}"))
    answer = log_in()
    assert answer.status_code == 503
    assert "corp" in answer.json()["error"]["message"]
    assert answer.headers["Retry-After"] == "10"
    assert ask({"id": user_id, "password": PASSWORD}).status_code == 503
    assert ask({"id": local.pk, "password": "right"}).status_code == 201
    with pytest.raises(CommandError, match="left as they are"):
        call_command("sync_directories")
    assert User.objects.get(pk=user_id).is_active


def test_after_a_failure_the_directory_rests(people: Slapd, use: Any) -> None:
    use(people.directory(url=f"ldap://127.0.0.1:{free_port()}"))
    assert log_in().status_code == 503
    found = people.directory()
    conf._configured = lambda: (found,)  # the server is back, but was asked a moment ago
    assert log_in().status_code == 503
    login._resting_until.clear()
    assert log_in().status_code == 201


def test_without_the_directory_its_users_stay_out(
    people: Slapd, use: Any, monkeypatch: Any
) -> None:
    use(people.directory())
    user_id = log_in().json()["token"]["user"]["id"]
    monkeypatch.setattr(conf, "_configured", lambda: ())
    assert log_in().status_code == 401
    assert ask({"id": user_id, "password": ""}).status_code == 400
    assert ask({"id": user_id, "password": PASSWORD}).status_code == 401


@pytest.mark.usefixtures("directory")
def test_a_disabled_domain_is_not_even_asked(corp: Domain, monkeypatch: Any) -> None:
    Domain.objects.filter(pk=corp.pk).update(enabled=False)
    assert log_in().status_code == 401


@pytest.mark.usefixtures("directory")
def test_the_dashboard_asks_for_the_domain() -> None:
    browser = Client()
    wrong = browser.post("/login", {"username": "alice", "password": PASSWORD})
    assert wrong.status_code == 200
    form = {"username": "alice", "password": PASSWORD, "domain": "corp"}
    assert browser.post("/login", form).status_code == 302
    assert browser.get("/account").context["user"].name == "alice"


def test_the_dashboard_says_that_the_directory_is_away(people: Slapd, use: Any) -> None:
    use(people.directory(url=f"ldap://127.0.0.1:{free_port()}"))
    form = {"username": "alice", "password": PASSWORD, "domain": "corp"}
    page = Client().post("/login", form)
    assert "does not answer" in page.content.decode()


def test_what_is_not_configured_is_not_loaded() -> None:
    libraries = (
        "ldap", "_ldap", "django_auth_ldap", "authlib", "joserfc", "httpx", "pyotp", "segno",
        "boto3", "botocore",
    )  # fmt: skip
    code = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE']='cloudweb.settings.test'; "
        "django.setup(); import cloudweb.urls, identity.manager, identity.directories.login, "
        "identity.directories.sync; from identity.directories.sync import sync_all; sync_all(); "
        f"print([m for m in {libraries} if m in sys.modules])"
    )
    assert process.run(sys.executable, "-c", code, timeout=60).stdout.strip() == b"[]"
