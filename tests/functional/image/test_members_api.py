"""Sharing an image: the owner adds projects, each accepts or rejects, all others see nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders.identity import ApiClient, client_with, make_project

pytestmark = pytest.mark.django_db
IMAGES = "/image/v2/images"


@pytest.fixture
def friend_project() -> Any:
    return make_project()


@pytest.fixture
def owner() -> ApiClient:
    return client_with("member")


@pytest.fixture
def friend(friend_project: Any) -> ApiClient:
    return client_with("member", project=friend_project)


def create(client: ApiClient, **body: Any) -> str:
    answer = client.send("POST", IMAGES, {"name": "shared one", **body})
    assert answer.status_code == 201, answer.content
    return f"/image{answer.json()['self']}"


def share(owner: ApiClient, path: str, project: Any) -> Any:
    return owner.send("POST", f"{path}/members", {"member": project.pk})


def listed(client: ApiClient, query: str = "") -> list[str]:
    return [image["id"] for image in client.send("GET", f"{IMAGES}?{query}").json()["images"]]


def test_sharing_step_by_step(owner: ApiClient, friend: ApiClient, friend_project: Any) -> None:
    path = create(owner)
    image_id = path.rpartition("/")[2]
    assert friend.send("GET", path).status_code == 404
    answer = share(owner, path, friend_project)
    assert answer.status_code == 200
    body = answer.json()
    assert {**body, "created_at": "", "updated_at": ""} == {
        "image_id": image_id, "member_id": friend_project.pk, "status": "pending",
        "created_at": "", "updated_at": "", "schema": "/v2/schemas/member",
    }  # fmt: skip
    assert body["created_at"].endswith("Z")
    assert friend.send("GET", path).status_code == 200
    assert (listed(friend), listed(friend, "member_status=pending")) == ([], [image_id])
    member = f"{path}/members/{friend_project.pk}"
    answer = friend.send("PUT", member, {"status": "accepted"})
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    assert listed(friend) == listed(friend, "visibility=shared") == [image_id]
    assert friend.send("PUT", member, {"status": "rejected"}).status_code == 200
    assert (listed(friend), listed(friend, "member_status=rejected")) == ([], [image_id])
    assert listed(friend, "member_status=all&visibility=shared") == [image_id]
    assert friend.send("GET", path).status_code == 200
    assert owner.send("DELETE", member).status_code == 204
    assert friend.send("GET", path).status_code == 404
    assert owner.send("DELETE", member).status_code == 404


def test_a_member_sees_itself_alone(
    owner: ApiClient, friend: ApiClient, friend_project: Any
) -> None:
    path, third = create(owner), make_project()
    share(owner, path, friend_project)
    share(owner, path, third)
    everybody = owner.send("GET", f"{path}/members").json()
    assert everybody["schema"] == "/v2/schemas/members"
    assert [one["member_id"] for one in everybody["members"]] == [friend_project.pk, third.pk]
    own = friend.send("GET", f"{path}/members").json()["members"]
    assert [one["member_id"] for one in own] == [friend_project.pk]
    assert friend.send("GET", f"{path}/members/{friend_project.pk}").status_code == 200
    assert friend.send("GET", f"{path}/members/{third.pk}").status_code == 404
    assert owner.send("GET", f"{path}/members/nobody").status_code == 404


def test_a_member_uses_the_image_and_changes_nothing(
    owner: ApiClient, friend: ApiClient, friend_project: Any
) -> None:
    path, third = create(owner), make_project()
    share(owner, path, friend_project)
    share(owner, path, third)
    assert share(friend, path, make_project()).status_code == 403
    assert friend.send("DELETE", f"{path}/members/{third.pk}").status_code == 403
    refused = friend.send("PUT", f"{path}/members/{third.pk}", {"status": "accepted"})
    assert refused.status_code == 404
    assert friend.send("DELETE", path).status_code == 403
    assert friend.send("PUT", f"{path}/tags/x").status_code == 403


def test_the_owner_does_not_answer_for_a_member(owner: ApiClient, friend_project: Any) -> None:
    path = create(owner)
    share(owner, path, friend_project)
    member = f"{path}/members/{friend_project.pk}"
    assert owner.send("PUT", member, {"status": "accepted"}).status_code == 403
    assert owner.send("GET", member).json()["status"] == "pending"


@pytest.mark.parametrize("visibility", ["private", "community"])
def test_other_images_have_no_members(
    owner: ApiClient, friend_project: Any, visibility: str
) -> None:
    path = create(owner, visibility=visibility)
    answer = share(owner, path, friend_project)
    assert answer.status_code == 403
    assert "Only shared images have members" in answer.json()["error"]["message"]
    assert owner.send("GET", f"{path}/members").status_code == 403


def test_an_image_that_is_shared_no_longer_is_gone_for_its_members(
    owner: ApiClient, friend: ApiClient, friend_project: Any
) -> None:
    path = create(owner)
    share(owner, path, friend_project)
    patch = b'[{"op": "replace", "path": "/visibility", "value": "private"}]'
    media_type = "application/openstack-images-v2.1-json-patch"
    assert owner.patch(path, patch, content_type=media_type).status_code == 200
    assert friend.send("GET", path).status_code == 404
    assert listed(friend, "member_status=all") == []


@pytest.mark.parametrize(
    "body", [{}, {"member": ""}, {"member": " "}, {"member": 5}, {"member": "x" * 65}, [], "x"]
)
def test_bad_members(owner: ApiClient, body: Any) -> None:
    path = create(owner)
    assert owner.send("POST", f"{path}/members", body).status_code == 400
    assert owner.send("GET", f"{path}/members").json()["members"] == []


@pytest.mark.parametrize("body", [{}, {"status": "maybe"}, {"status": None}, []])
def test_bad_answers(owner: ApiClient, friend: ApiClient, friend_project: Any, body: Any) -> None:
    path = create(owner)
    share(owner, path, friend_project)
    member = f"{path}/members/{friend_project.pk}"
    assert friend.send("PUT", member, body).status_code == 400
    assert friend.send("GET", member).json()["status"] == "pending"


def test_a_project_is_a_member_once(owner: ApiClient, friend_project: Any) -> None:
    path = create(owner)
    assert share(owner, path, friend_project).status_code == 200
    assert share(owner, path, friend_project).status_code == 409


def test_the_number_of_members_has_an_end(owner: ApiClient, monkeypatch: Any) -> None:
    monkeypatch.setattr("image.manager.members.MAX_MEMBERS", 1)
    path = create(owner)
    assert share(owner, path, make_project()).status_code == 200
    assert share(owner, path, make_project()).status_code == 413


def test_what_is_listed_by_default(owner: ApiClient, friend: ApiClient) -> None:
    mine = [create(friend, visibility=word) for word in ("private", "shared", "community")]
    theirs = create(owner, visibility="community")
    public = create(client_with("admin"), visibility="public")
    create(owner, visibility="private")
    ids = [path.rpartition("/")[2] for path in (*mine, public)]
    assert set(listed(friend)) == set(ids)
    assert set(listed(friend, "visibility=all")) == {*ids, theirs.rpartition("/")[2]}
    communities = {mine[2].rpartition("/")[2], theirs.rpartition("/")[2]}
    assert set(listed(friend, "visibility=community")) == communities
    assert friend.send("GET", f"{IMAGES}?member_status=odd").status_code == 400
