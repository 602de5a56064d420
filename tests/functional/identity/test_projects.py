"""Projects over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cloudweb import holdings
from tests.builders.identity import (
    ApiClient,
    client_of,
    client_with,
    grant,
    make_context,
    make_domain,
    make_member,
    make_project,
    make_user,
)
from tests.builders.images import make_image

pytestmark = pytest.mark.django_db
PROJECTS = "/identity/v3/projects"


@pytest.fixture
def admin() -> ApiClient:
    """An operator."""
    return client_with("admin")


def create(admin: ApiClient, **body: Any) -> Any:
    """Post a project."""
    return admin.send("POST", PROJECTS, {"project": {"name": "new", **body}})


def test_create_with_a_name_alone(admin: ApiClient) -> None:
    """Everything else has its default, in the caller's domain."""
    answer = create(admin)
    project = answer.json()["project"]
    assert answer.status_code == 201
    assert project == {
        "id": project["id"],
        "name": "new",
        "domain_id": "default",
        "parent_id": "default",
        "enabled": True,
        "description": "",
        "is_domain": False,
        "tags": [],
        "options": {},
        "links": {"self": f"http://testserver/identity/v3/projects/{project['id']}"},
    }
    assert len(project["id"]) == 32
    assert admin.send("GET", f"{PROJECTS}/{project['id']}").json() == {"project": project}


def test_nulls_mean_absent(admin: ApiClient) -> None:
    """As clients send them."""
    answer = create(admin, domain_id=None, parent_id=None, description=None, is_domain=None)
    assert answer.status_code == 201


def test_invented_attributes_are_kept(admin: ApiClient) -> None:
    """Stored, returned, merged by PATCH, removed by null."""
    project = create(admin, colour="red", cost={"centre": [7]}).json()["project"]
    assert (project["colour"], project["cost"]) == ("red", {"centre": [7]})
    url = f"{PROJECTS}/{project['id']}"
    changed = admin.send("PATCH", url, {"project": {"colour": None, "size": 3}}).json()["project"]
    assert "colour" not in changed
    assert (changed["cost"], changed["size"]) == ({"centre": [7]}, 3)


def test_patch_keeps_what_it_does_not_name(admin: ApiClient) -> None:
    """A merge, not a replacement."""
    project = create(admin, description="d", tags=["b", "a"]).json()["project"]
    assert project["tags"] == ["a", "b"]
    url = f"{PROJECTS}/{project['id']}"
    body = {"project": {"name": "other", "domain_id": "default", "parent_id": "default"}}
    answer = admin.send("PATCH", url, body)
    assert answer.status_code == 200
    assert answer.json()["project"] == {**project, "name": "other"}


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": " "},
        {"name": None},
        {"name": "x" * 65},
        {"name": "bell\x07"},
        {"name": 5},
        {"enabled": "perhaps"},
        {"tags": "one"},
        {"tags": ["a,b"]},
        {"tags": [str(number) for number in range(81)]},
        {"options": {"unknown": True}},
        {"domain_id": "nowhere"},
        {"parent_id": "nowhere"},
        {"is_domain": True, "domain_id": "default"},
        {"id": "0" * 32},
        {"x" * 65: 1},
        {"blob": "x" * 17_000},
    ],
)
def test_bad_attributes_are_a_400(admin: ApiClient, body: dict[str, Any]) -> None:
    """On create, and the same on update."""
    assert create(admin, **body).status_code == 400
    url = f"{PROJECTS}/{make_project().pk}"
    answer = admin.send("PATCH", url, {"project": body})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 400


def test_duplicate_name_is_a_409(admin: ApiClient) -> None:
    """In one domain, on create and on update; another domain may have it."""
    first = create(admin).json()["project"]
    assert create(admin).status_code == 409
    other = make_project()
    body = {"project": {"name": "new"}}
    assert admin.send("PATCH", f"{PROJECTS}/{other.pk}", body).status_code == 409
    assert admin.send("PATCH", f"{PROJECTS}/{first['id']}", body).status_code == 200
    make_domain(id="elsewhere", name="Elsewhere")
    assert create(admin, domain_id="elsewhere").status_code == 201


def test_lookup_by_name(admin: ApiClient) -> None:
    """A name is no id: 404, then the hint finds it."""
    project = make_project(name="findme")
    assert admin.send("GET", f"{PROJECTS}/findme").status_code == 404
    (found,) = admin.send("GET", f"{PROJECTS}?name=findme").json()["projects"]
    assert found["id"] == project.pk
    dashed = f"{project.pk[:8]}-{project.pk[8:12]}-{project.pk[12:16]}-{project.pk[16:20]}-{project.pk[20:]}"
    assert admin.send("GET", f"{PROJECTS}/{dashed}").json()["project"]["id"] == project.pk


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name=one", {"one"}),
        ("name__contains=o", {"one", "two"}),
        ("enabled=false", {"two"}),
        ("enabled", {"one", "two", "three"}),
        ("domain_id=default&enabled=True", {"one", "three"}),
        ("domain_id=other", set()),
        ("parent_id=default", {"one", "two"}),
        ("is_domain=true", {"Default"}),
        ("is_domain=true&domain_id=default", set()),
        ("tags=a", {"one", "two"}),
        ("tags=a,b", {"two"}),
        ("tags-any=b,c", {"two"}),
        ("not-tags=a,b", {"one", "three"}),
        ("not-tags-any=a", {"three"}),
        ("unknown=hint", {"one", "two", "three"}),
    ],
)
def test_hints(query: str, expected: set[str]) -> None:
    """What a list is narrowed by."""
    one = make_project(name="one", tags=["a"])
    make_project(name="two", tags=["a", "b"], enabled=False)
    make_project(name="three", parent=one)
    user = make_user()
    grant(user, one, "admin")
    listed = client_of(user, one).send("GET", f"{PROJECTS}?{query}").json()["projects"]
    assert {project["name"] for project in listed} == expected


def test_pages(admin: ApiClient) -> None:
    """Links lead through all of them, each once; an unknown marker is a 400."""
    for _ in range(5):
        make_project()
    seen: list[str] = []
    url = f"{PROJECTS}?limit=2"
    while url:
        page = admin.send("GET", url).json()
        assert len(page["projects"]) <= 2
        seen += [project["id"] for project in page["projects"]]
        url = (page["links"]["next"] or "").removeprefix("http://testserver")
    assert len(seen) == len(set(seen)) == 6
    assert admin.send("GET", f"{PROJECTS}?marker=ghost").status_code == 400
    assert admin.send("GET", f"{PROJECTS}?limit=-1").status_code == 400


def test_delete(admin: ApiClient) -> None:
    """204 and empty, then 404; what hangs on it goes with it."""
    user = make_member()
    url = f"{PROJECTS}/{user.default_project_id}"
    answer = admin.send("DELETE", url)
    assert (answer.status_code, answer.content) == (204, b"")
    assert admin.send("GET", url).status_code == 404
    assert admin.send("DELETE", url).status_code == 404
    shown = admin.send("GET", f"/identity/v3/users/{user.pk}").json()["user"]
    assert shown["default_project_id"] is None


@pytest.fixture
def _holder() -> Iterator[None]:
    """An app above that says what a project still holds."""

    def hold(_project_id: str) -> dict[str, int]:
        return {"servers": 2, "ports": 0}

    holdings.hangs_on("project")(hold)
    yield
    holdings.forget("project", hold)


@pytest.mark.usefixtures("_holder")
def test_project_with_things_in_it_stays(admin: ApiClient) -> None:
    """409 with what it holds."""
    user = make_member()
    url = f"{PROJECTS}/{user.default_project_id}"
    answer = admin.send("DELETE", url)
    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == (
        "The project still holds 2 servers. Delete them first."
    )
    assert admin.send("GET", url).status_code == 200
    assert client_of(user).send("GET", "/identity/v3/auth/projects").status_code == 200


def test_parents(admin: ApiClient) -> None:
    """A parent is shown, keeps its children, and the tree has a limit."""
    parent = create(admin, name="1").json()["project"]["id"]
    top = parent
    for depth in range(2, 6):
        answer = create(admin, name=str(depth), parent_id=parent)
        assert answer.json()["project"]["parent_id"] == parent
        parent = answer.json()["project"]["id"]
    assert create(admin, name="6", parent_id=parent).status_code == 403
    answer = admin.send("DELETE", f"{PROJECTS}/{top}")
    assert answer.status_code == 409
    assert "1 projects" in answer.content.decode()
    body = {"project": {"parent_id": None}}
    assert admin.send("PATCH", f"{PROJECTS}/{parent}", body).status_code == 400


def test_immutable(admin: ApiClient) -> None:
    """Nothing but the option itself can be changed."""
    url = f"{PROJECTS}/{create(admin, options={'immutable': True}).json()['project']['id']}"
    assert admin.send("DELETE", url).status_code == 403
    assert admin.send("PATCH", url, {"project": {"name": "x"}}).status_code == 403
    freed = admin.send("PATCH", url, {"project": {"options": {"immutable": None}}})
    assert freed.json()["project"]["options"] == {}
    assert admin.send("DELETE", url).status_code == 204


def test_own_project_is_visible_to_its_reader() -> None:
    """Any other one does not exist for him."""
    user = make_member("reader")
    client = client_of(user)
    assert client.send("GET", f"{PROJECTS}/{user.default_project_id}").status_code == 200
    assert client.send("GET", f"{PROJECTS}/{make_project().pk}").status_code == 404


def test_a_tag_is_there_once(admin: ApiClient) -> None:
    """A body that names one twice is refused, as Keystone refuses it."""
    assert create(admin, tags=["a", "b", "a"]).status_code == 400
    url = f"{PROJECTS}/{create(admin, tags=['a']).json()['project']['id']}"
    assert admin.send("PATCH", url, {"project": {"tags": ["a", "a"]}}).status_code == 400
    assert admin.send("PUT", f"{url}/tags", {"tags": ["a", "a"]}).status_code == 400
    assert admin.send("PUT", f"{url}/tags", {"tags": ["b", "a"]}).json()["tags"] == ["a", "b"]


def test_a_project_with_images_stays_and_images_of_one_that_is_gone_are_seen(
    admin: ApiClient,
) -> None:
    """409 says what it holds; whatever slipped through is still the operators' to find."""
    project = make_project()
    image = make_image(context=make_context(make_member(project=project)))
    answer = admin.send("DELETE", f"{PROJECTS}/{project.pk}")
    assert answer.status_code == 409
    assert "1 images" in answer.json()["error"]["message"]
    project.delete()  # as if the image had come while the project went
    listed = admin.send("GET", "/image/v2/images").json()["images"]
    assert [one["id"] for one in listed] == [str(image.id)]
    assert admin.send("GET", f"/image/v2/images/{image.id}").status_code == 200
    assert admin.send("DELETE", f"/image/v2/images/{image.id}").status_code == 204


def test_an_invented_attribute_may_be_called_as_anything_python_has(admin: ApiClient) -> None:
    body = {"name": "odd", "copy": "c", "said": 1, "model_fields": [2], "extra": {"x": None}}
    made = admin.send("POST", "/identity/v3/projects", {"project": body})
    assert made.status_code == 201, made.content
    assert {name: made.json()["project"][name] for name in body} == body
