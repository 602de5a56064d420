"""Trusts over HTTP: given, used, counted, handed on, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from cloudweb.context import RequestContext
from identity.manager import AssignmentManager, UserManager
from identity.manager.assignments import GrantTarget
from identity.models import Trust, User
from tests.builders.identity import (
    ApiClient,
    client_of,
    grant,
    make_member,
    make_project,
    make_role,
    make_user,
)

pytestmark = pytest.mark.django_db
TRUSTS = "/identity/v3/OS-TRUST/trusts"
TOKENS = "/identity/v3/auth/tokens"
CLOUD = RequestContext.system()


@pytest.fixture
def trustor() -> User:
    return make_member("member")


@pytest.fixture
def trustee() -> User:
    return make_user(password="right")


def create(trustor: User, trustee: User, *, client: ApiClient | None = None, **more: Any) -> Any:
    body = {
        "trustor_user_id": trustor.pk,
        "trustee_user_id": trustee.pk,
        "project_id": trustor.default_project_id,
        "impersonation": True,
        "roles": [{"name": "reader"}],
        **more,
    }
    return (client or client_of(trustor)).send("POST", TRUSTS, {"trust": body})


def made(*users: User, **more: Any) -> dict[str, Any]:
    answer = create(*users, **more)
    assert answer.status_code == 201, answer.content
    return dict(answer.json()["trust"])


def use(trust: dict[str, Any], trustee: User) -> Any:
    password = {"user": {"id": trustee.pk, "password": "right"}}
    identity = {"methods": ["password"], "password": password}
    scope = {"OS-TRUST:trust": {"id": trust["id"]}}
    return ApiClient().send("POST", TOKENS, {"auth": {"identity": identity, "scope": scope}})


def status(client: ApiClient) -> int:
    return int(client.send("GET", "/identity/v3/auth/projects").status_code)


def test_given_seen_and_used(trustor: User, trustee: User) -> None:
    trust = made(trustor, trustee)
    assert (trust["remaining_uses"], trust["deleted_at"], trust["redelegation_count"]) == (
        None,
        None,
        0,
    )
    place = f"{TRUSTS}/{trust['id']}"
    for user in (trustor, trustee):
        assert client_of(user).send("GET", place).json()["trust"] == trust
        assert client_of(user).send("GET", f"{TRUSTS}/").json()["trusts"] == [trust]
    assert client_of(make_member()).send("GET", place).status_code == 404
    own = client_of(trustor)
    assert own.send("GET", f"{TRUSTS}?trustee_user_id={trustor.pk}").json()["trusts"] == []
    (role,) = own.send("GET", f"{place}/roles").json()["roles"]
    assert own.send("GET", f"{place}/roles/{role['id']}").status_code == 200
    assert own.send("GET", f"{place}/roles/nothing").status_code == 404

    token = use(trust, trustee).json()["token"]
    assert token["user"]["id"] == trustor.pk
    assert [one["name"] for one in token["roles"]] == ["reader"]
    assert token["project"]["id"] == trustor.default_project_id
    assert token["OS-TRUST:trust"] == {
        "id": trust["id"],
        "impersonation": True,
        "trustor_user": {"id": trustor.pk},
        "trustee_user": {"id": trustee.pk},
    }


def test_without_impersonation_the_trustee_stays_himself(trustor: User, trustee: User) -> None:
    token = use(made(trustor, trustee, impersonation=False), trustee).json()["token"]
    assert token["user"]["id"] == trustee.pk
    assert token["project"]["id"] == trustor.default_project_id


def test_only_the_trustee_uses_it(trustor: User, trustee: User) -> None:
    trust = made(trustor, trustee)
    assert use(trust, make_user(password="right")).status_code == 401
    assert use({"id": "nothing"}, trustee).status_code == 401


def test_uses_are_counted(trustor: User, trustee: User) -> None:
    trust = made(trustor, trustee, remaining_uses=2)
    assert [use(trust, trustee).status_code for _ in range(3)] == [201, 201, 401]
    assert client_of(trustor).send("GET", f"{TRUSTS}/{trust['id']}").status_code == 404


def test_it_ends_in_time(trustor: User, trustee: User) -> None:
    end = (timezone.now() + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    trust = made(trustor, trustee, expires_at=end)
    assert trust["expires_at"] == end
    assert use(trust, trustee).json()["token"]["expires_at"] == end
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert use(trust, trustee).status_code == 401


def test_deleting_it_ends_its_tokens(trustor: User, trustee: User) -> None:
    trust = made(trustor, trustee)
    client = ApiClient(use(trust, trustee).headers["X-Subject-Token"])
    assert status(client) == 200
    place = f"{TRUSTS}/{trust['id']}"
    assert client_of(trustee).send("DELETE", place).status_code == 403
    assert client_of(trustor).send("DELETE", place).status_code == 204
    assert status(client) == 401
    assert use(trust, trustee).status_code == 401
    assert client_of(trustor).send("GET", place).status_code == 404


@pytest.mark.parametrize("who", ["trustor", "trustee"])
def test_disabling_either_ends_it(trustor: User, trustee: User, who: str) -> None:
    trust = made(trustor, trustee)
    client = ApiClient(use(trust, trustee).headers["X-Subject-Token"])
    UserManager(CLOUD).update((trustor if who == "trustor" else trustee).pk, enabled=False)
    assert status(client) == 401
    assert use(trust, trustee).status_code == 401


def test_the_trustor_must_still_have_the_role(trustor: User, trustee: User) -> None:
    trust = made(trustor, trustee)
    client = ApiClient(use(trust, trustee).headers["X-Subject-Token"])
    AssignmentManager(CLOUD).withdraw(
        GrantTarget(user_id=trustor.pk, project_id=trustor.default_project_id),
        role_id=make_role("member").pk,
    )
    assert status(client) == 401
    assert use(trust, trustee).status_code == 401


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"roles": [{"name": "admin"}]}, 403),
        ({"roles": []}, 403),
        ({"project_id": None}, 403),
        ({"project_id": "0" * 32}, 403),
        ({"trustor_user_id": "0" * 32}, 403),
        ({"trustee_user_id": "0" * 32}, 400),
        ({"impersonation": "perhaps"}, 400),
        ({"expires_at": "2001-01-01T00:00:00Z"}, 400),
        ({"remaining_uses": 0}, 400),
        ({"allow_redelegation": True, "redelegation_count": 99}, 403),
    ],
)
def test_what_is_refused(trustor: User, trustee: User, more: dict[str, Any], code: int) -> None:
    assert create(trustor, trustee, **more).status_code == code


def test_a_trust_is_handed_on_and_never_widened(trustor: User, trustee: User) -> None:
    third = make_user(password="right")
    first = made(trustor, trustee, allow_redelegation=True, redelegation_count=1)
    acting = ApiClient(use(first, trustee).headers["X-Subject-Token"])
    wider = create(trustor, third, client=acting, roles=[{"name": "member"}])
    assert wider.status_code == 403
    second = made(trustor, third, client=acting)
    assert (second["redelegated_trust_id"], second["redelegation_count"]) == (first["id"], 0)
    later = ApiClient(use(second, third).headers["X-Subject-Token"])
    assert create(trustor, trustee, client=later).status_code == 403
    assert client_of(trustor).send("DELETE", f"{TRUSTS}/{first['id']}").status_code == 204
    assert status(later) == 401
    assert use(second, third).status_code == 401


def test_a_trust_whose_uses_are_counted_is_not_handed_on(trustor: User, trustee: User) -> None:
    """Else one use would become any number of them."""
    more = {"remaining_uses": 2, "allow_redelegation": True, "redelegation_count": 1}
    first = made(trustor, trustee, **more)
    acting = ApiClient(use(first, trustee).headers["X-Subject-Token"])
    assert create(trustor, make_user(), client=acting).status_code == 403
    assert Trust.objects.count() == 1


def test_any_project_where_the_trustor_has_the_roles(trustor: User, trustee: User) -> None:
    """Whichever his token is for; strangers' projects are refused like those that do not exist."""
    elsewhere, theirs = make_project(), make_project()
    grant(trustor, elsewhere, "manager")
    trust = made(trustor, trustee, project_id=elsewhere.pk, roles=[{"name": "manager"}])
    assert use(trust, trustee).json()["token"]["project"]["id"] == elsewhere.pk
    refusals = [create(trustor, trustee, project_id=one) for one in (theirs.pk, "0" * 32)]
    assert [one.status_code for one in refusals] == [403, 403]
    assert len({one.json()["error"]["message"] for one in refusals}) == 1


def test_a_user_gives_so_many_and_those_that_ended_are_forgotten(
    trustor: User, trustee: User, settings: Any
) -> None:
    settings.USER_LIMITS = {**settings.USER_LIMITS, "trusts": 2}
    first = made(trustor, trustee)
    client_of(trustor).send("DELETE", f"{TRUSTS}/{first['id']}")
    made(trustor, trustee)
    assert create(trustor, trustee).status_code == 403
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        assert create(trustor, trustee).status_code == 201
    assert not Trust.objects.filter(pk=first["id"]).exists()


def test_a_trusts_token_makes_no_credentials(trustor: User, trustee: User) -> None:
    acting = ApiClient(use(made(trustor, trustee), trustee).headers["X-Subject-Token"])
    url = f"/identity/v3/users/{trustor.pk}/application_credentials"
    answer = acting.send("POST", url, {"application_credential": {"name": "x"}})
    assert answer.status_code == 403
    assert create(trustor, trustee, client=acting).status_code == 403
