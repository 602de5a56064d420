"""Flavors over REST: bodies, filters, paging, access, versions."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from compute.models import Flavor, FlavorAccess, FlavorExtraSpec
from tests.builders.compute import compute_client, make_flavor
from tests.builders.identity import make_project

pytestmark = pytest.mark.django_db

BODY: dict[str, Any] = {"name": "big", "ram": 1024, "vcpus": 2, "disk": 10}


def create(version: str | None = None, **fields: Any) -> Any:
    return compute_client("admin", version).send("POST", "/flavors", {"flavor": {**BODY, **fields}})


def names(path: str, role: str = "member", **who: Any) -> list[str]:
    answer = compute_client(role, **who).send("GET", path)
    assert answer.status_code == 200, answer.content
    return [flavor["name"] for flavor in answer.json()["flavors"]]


def test_the_oldest_form_is_exact() -> None:
    answer = create(id="7")
    assert answer.status_code == 200
    assert answer.json() == {
        "flavor": {
            "id": "7",
            "name": "big",
            "ram": 1024,
            "disk": 10,
            "vcpus": 2,
            "swap": "",
            "OS-FLV-EXT-DATA:ephemeral": 0,
            "OS-FLV-DISABLED:disabled": False,
            "os-flavor-access:is_public": True,
            "rxtx_factor": 1.0,
            "links": [
                {"rel": "self", "href": "http://testserver/compute/v2.1/flavors/7"},
                {"rel": "bookmark", "href": "http://testserver/compute/flavors/7"},
            ],
        }
    }
    assert isinstance(answer.json()["flavor"]["rxtx_factor"], float)


@pytest.mark.parametrize(
    ("version", "added"),
    [
        ("2.1", set()),
        ("2.54", set()),
        ("2.55", {"description"}),
        ("2.60", {"description"}),
        ("2.61", {"description", "extra_specs"}),
        ("2.96", {"description", "extra_specs"}),
    ],
)
def test_versions_add_keys(version: str, added: set[str]) -> None:
    flavor = make_flavor(description="d")
    FlavorExtraSpec.objects.create(flavor=flavor, key="a", value="b")
    shown = compute_client("reader", version).send("GET", f"/flavors/{flavor.id}").json()["flavor"]
    assert set(shown) & {"description", "extra_specs"} == added
    assert shown.get("extra_specs", {"a": "b"}) == {"a": "b"}
    listed = compute_client("reader", version).send("GET", "/flavors").json()["flavors"][0]
    assert set(listed) == {"id", "name", "links"} | (added & {"description"})


@pytest.mark.parametrize(("version", "swap"), [("2.1", ""), ("2.74", ""), ("2.75", 0), ("2.96", 0)])
def test_no_swap_is_blank_until_2_75(version: str, swap: object) -> None:
    make_flavor("f")
    assert (
        compute_client("reader", version).send("GET", "/flavors/f").json()["flavor"]["swap"] == swap
    )


def test_what_clients_send_as_text_is_read() -> None:
    answer = create(
        ram="1024",
        id=None,
        swap="64",
        rxtx_factor="1.5",
        **{"OS-FLV-EXT-DATA:ephemeral": "1", "os-flavor-access:is_public": "False"},
    )
    flavor = answer.json()["flavor"]
    assert (flavor["ram"], flavor["swap"], flavor["rxtx_factor"]) == (1024, 64, 1.5)
    assert flavor["os-flavor-access:is_public"] is False
    assert uuid.UUID(flavor["id"])


def test_the_word_auto_is_no_id() -> None:
    assert uuid.UUID(create(id="auto").json()["flavor"]["id"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "a\x07b"},
        {"name": "a\x00b"},
        {"name": "n" * 256},
        {"name": 5},
        {"ram": 0},
        {"ram": -1},
        {"ram": True},
        {"ram": 1.5},
        {"ram": "much"},
        {"ram": 2**31},
        {"ram": 10**400},
        {"ram": None},
        {"vcpus": 0},
        {"disk": -1},
        {"swap": "x"},
        {"rxtx_factor": 0},
        {"rxtx_factor": "nan"},
        {"rxtx_factor": 1e300},
        {"id": " padded"},
        {"id": "a/b"},
        {"id": "x" * 256},
        {"id": ""},
        {"id": ["a"]},
        {"os-flavor-access:is_public": "perhaps"},
        {"is_public": True},
        {"unknown": 1},
        {"description": "needs 2.55"},
    ],
)
def test_a_wrong_body_is_a_400_and_leaves_nothing(wrong: dict[str, Any]) -> None:
    body = b'{"flavor": {"name": "n", "ram": ' + b"9" * 400 + b', "vcpus": 1, "disk": 1}}'
    if wrong.get("ram") == 10**400:
        answer = compute_client("admin").send("POST", "/flavors", body)
    else:
        answer = create(**wrong)
    assert answer.status_code == 400, answer.content
    assert answer.json()["badRequest"]["code"] == 400
    assert not Flavor.objects.exists()


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"flavor": 1}', b"", b'"flavor"', b"\xff"])
def test_a_malformed_body_is_a_400(body: bytes) -> None:
    answer = compute_client("admin").send("POST", "/flavors", body)
    assert answer.status_code == 400
    assert "badRequest" in answer.json()


def test_ids_and_names_are_taken_once() -> None:
    create(id="1")
    by_id, by_name = create(id="1", name="other"), create(id="2")
    assert (by_id.status_code, by_name.status_code) == (409, 409)
    assert by_id.json()["conflictingRequest"]["message"] == "Flavor with ID 1 already exists."
    assert by_name.json()["conflictingRequest"]["message"] == "Flavor with name big already exists."


def test_a_name_is_no_id_but_a_clean_404() -> None:
    make_flavor("m1.tiny", id="1")
    answer = compute_client("reader").send("GET", "/flavors/m1.tiny")
    assert answer.status_code == 404
    assert answer.json()["itemNotFound"]["message"] == "Flavor m1.tiny could not be found."


@pytest.mark.parametrize("flavor_id", ["%00", "a%00b", "%ff", "x" * 3000, "..", "%0a"])
def test_odd_ids_are_4xx(flavor_id: str) -> None:
    assert 400 <= compute_client("reader").send("GET", f"/flavors/{flavor_id}").status_code < 500


def test_description_is_changed_from_2_55() -> None:
    make_flavor("f")
    body = {"flavor": {"description": "two\nlines"}}
    assert compute_client("admin", "2.54").send("PUT", "/flavors/f", body).status_code == 404
    answer = compute_client("admin", "2.55").send("PUT", "/flavors/f", body)
    assert answer.status_code == 200
    assert answer.json()["flavor"]["description"] == "two\nlines"
    wrong = {"flavor": {"description": "bell\x07"}}
    assert compute_client("admin", "2.55").send("PUT", "/flavors/f", wrong).status_code == 400


def test_delete_is_202_without_a_body_then_404() -> None:
    make_flavor("f")
    admin = compute_client("admin")
    answer = admin.send("DELETE", "/flavors/f")
    assert (answer.status_code, answer.content) == (202, b"")
    assert admin.send("DELETE", "/flavors/f").status_code == 404


def test_private_flavors_are_seen_by_admins_and_projects_with_access() -> None:
    make_flavor("open")
    private = make_flavor("closed", is_public=False)
    FlavorAccess.objects.create(flavor=private, project_id="mine")
    assert names("/flavors") == ["open"]
    assert names("/flavors?is_public=None") == ["open"]
    assert names("/flavors?is_public=false") == ["open"]
    assert names("/flavors", project_id="mine") == ["closed", "open"]
    assert names("/flavors", "admin") == ["open"]
    assert names("/flavors?is_public=None", "admin") == ["closed", "open"]
    assert names("/flavors/detail?is_public=False", "admin") == ["closed"]
    assert compute_client("member").send("GET", "/flavors/closed").status_code == 404
    mine = compute_client("member", project_id="mine")
    assert mine.send("GET", "/flavors/closed").status_code == 200


def test_disabled_flavors_are_not_offered() -> None:
    make_flavor("gone", disabled=True)
    assert names("/flavors") == []
    assert names("/flavors", "admin") == ["gone"]


def test_filters_and_order() -> None:
    make_flavor("a", ram=1, disk=9)
    make_flavor("b", ram=2, disk=8, description="x")
    make_flavor("c", ram=3, disk=7)
    assert names("/flavors?minRam=2") == ["b", "c"]
    assert names("/flavors?minDisk=8") == ["a", "b"]
    assert names("/flavors?sort_key=root_gb") == ["c", "b", "a"]
    assert names("/flavors?sort_key=memory_mb&sort_dir=desc") == ["c", "b", "a"]
    assert names("/flavors?sort_key=description&sort_dir=desc&limit=2") == ["b", "c"]


@pytest.mark.parametrize(
    "query",
    [
        "minRam=x",
        "minRam=-1",
        "minDisk=1.5",
        "sort_key=password",
        "sort_dir=up",
        "limit=-1",
        "limit=x",
        "marker=nobody",
        "marker=%00",
        "is_public=perhaps",
    ],
)
def test_wrong_queries_are_400(query: str) -> None:
    answer = compute_client("admin").send("GET", f"/flavors/detail?{query}")
    assert answer.status_code == 400, answer.content


def test_unknown_queries_are_refused_from_2_75() -> None:
    assert compute_client("reader", "2.74").send("GET", "/flavors?x=1").status_code == 200
    assert compute_client("reader", "2.75").send("GET", "/flavors?x=1").status_code == 400


@pytest.mark.parametrize("sort_key", ["flavorid", "is_public", "description", "created_at"])
def test_paging_visits_each_once(sort_key: str) -> None:
    for number in range(5):
        make_flavor(f"f{number}", description="d" if number % 2 else None)
    seen: list[str] = []
    path = f"/flavors?limit=2&sort_key={sort_key}"
    client = compute_client("reader")
    while path:
        page = client.send("GET", path).json()
        seen += [flavor["id"] for flavor in page["flavors"]]
        links = page.get("flavors_links", [])
        assert all(link["rel"] == "next" for link in links)
        path = links[0]["href"].partition("/compute/v2.1")[2] if links else ""
    assert sorted(seen) == [f"f{number}" for number in range(5)]


def test_a_list_costs_the_same_statements_whatever_its_length() -> None:
    counts = []
    for size in (1, 50):
        for number in range(Flavor.objects.count(), size):
            flavor = make_flavor(f"f{number}")
            FlavorExtraSpec.objects.create(flavor=flavor, key="k", value="v")
        with CaptureQueriesContext(connection) as captured:
            compute_client("reader", "2.61").send("GET", "/flavors/detail")
        counts.append(len(captured))
    assert counts == [2, 2]


def test_extra_specs_from_first_to_last() -> None:
    make_flavor("f")
    admin = compute_client("admin")
    base = "/flavors/f/os-extra_specs"
    answer = admin.send("POST", base, {"extra_specs": {"hw:cpu": "a", "n": 1}})
    assert (answer.status_code, answer.json()) == (200, {"extra_specs": {"hw:cpu": "a", "n": "1"}})
    admin.send("POST", base, {"extra_specs": {"n": "2"}})
    assert admin.send("GET", f"{base}/n").json() == {"n": "2"}
    assert admin.send("PUT", f"{base}/n", {"n": "3"}).json() == {"n": "3"}
    assert admin.send("GET", base).json() == {"extra_specs": {"hw:cpu": "a", "n": "3"}}
    deleted = admin.send("DELETE", f"{base}/n")
    assert (deleted.status_code, deleted.content) == (200, b"")
    assert admin.send("DELETE", f"{base}/n").status_code == 404
    assert admin.send("GET", f"{base}/n").status_code == 404


@pytest.mark.parametrize(
    ("path", "method", "body"),
    [
        ("", "POST", {"extra_specs": {"bad/key": "v"}}),
        ("", "POST", {"extra_specs": {"k": ["v"]}}),
        ("", "POST", {"extra_specs": {"k": "v" * 256}}),
        ("", "POST", {"extra_specs": {"k": "\x00"}}),
        ("", "POST", {"extra_specs": None}),
        ("/k", "PUT", {"other": "v"}),
        ("/k", "PUT", {"k": "v", "l": "v"}),
        ("/k", "PUT", ["k"]),
    ],
)
def test_wrong_extra_specs_are_400(path: str, method: str, body: Any) -> None:
    make_flavor("f")
    answer = compute_client("admin").send(method, f"/flavors/f/os-extra_specs{path}", body)
    assert answer.status_code == 400
    assert not FlavorExtraSpec.objects.exists()


def test_access_is_granted_once_and_withdrawn_once() -> None:
    make_flavor("f", is_public=False)
    make_project(id="p1")
    admin = compute_client("admin")
    add, remove = {"addTenantAccess": {"tenant": "p1"}}, {"removeTenantAccess": {"tenant": "p1"}}
    granted = admin.send("POST", "/flavors/f/action", add)
    assert granted.status_code == 200
    assert granted.json() == {"flavor_access": [{"flavor_id": "f", "tenant_id": "p1"}]}
    assert admin.send("GET", "/flavors/f/os-flavor-access").json() == granted.json()
    assert admin.send("POST", "/flavors/f/action", add).status_code == 409
    assert admin.send("POST", "/flavors/f/action", remove).json() == {"flavor_access": []}
    assert admin.send("POST", "/flavors/f/action", remove).status_code == 404


def test_a_public_flavor_keeps_no_access_list() -> None:
    make_flavor("f")
    make_project(id="p1")
    add = {"addTenantAccess": {"tenant": "p1"}}
    assert compute_client("admin").send("GET", "/flavors/f/os-flavor-access").status_code == 404
    assert compute_client("admin", "2.6").send("POST", "/flavors/f/action", add).status_code == 200
    assert compute_client("admin", "2.7").send("POST", "/flavors/f/action", add).status_code == 409


def test_access_is_granted_to_projects_that_exist() -> None:
    make_flavor("f", is_public=False)
    add = {"addTenantAccess": {"tenant": "nobody"}}
    answer = compute_client("admin").send("POST", "/flavors/f/action", add)
    assert answer.status_code == 400
    assert "nobody is not a valid project" in answer.json()["badRequest"]["message"]


@pytest.mark.parametrize(
    "body", [{}, {"addTenantAccess": None}, {"addTenantAccess": {}}, {"grow": {}}, []]
)
def test_unknown_flavor_actions_are_400(body: Any) -> None:
    make_flavor("f", is_public=False)
    assert compute_client("admin").send("POST", "/flavors/f/action", body).status_code == 400


def test_routes_answer_under_the_tokens_project_and_no_other() -> None:
    project = uuid.uuid4().hex
    client = compute_client("reader", project_id=project)
    assert client.send("GET", f"/{project}/flavors").status_code == 200
    assert client.send("GET", f"/{project}/flavors/detail/").status_code == 200
    assert client.send("GET", f"/{project}/flavors/").status_code == 404
    other = client.send("GET", f"/{uuid.uuid4().hex}/flavors")
    assert other.status_code == 400
    assert "doesn't match Context's project_id" in other.json()["badRequest"]["message"]
