"""Endpoints chosen for projects, one by one and by groups, and what their catalogs have then."""

from __future__ import annotations

from typing import Any

import pytest

from identity.bootstrap import bootstrap
from identity.models import Endpoint, Project, Service
from tests.builders.identity import ApiClient, client_of, client_with, make_member, make_project

pytestmark = pytest.mark.django_db
FILTERS = "/identity/v3/OS-EP-FILTER"


@pytest.fixture
def admin() -> ApiClient:
    """An operator of a cloud after its first minute."""
    bootstrap(admin_password="x", demo_password="y")
    return client_with("admin")


@pytest.fixture
def project(admin: ApiClient) -> Project:
    return make_project()


def catalog_of(project: Project) -> dict[str, set[str]]:
    """Return the interfaces of each service in the catalog of a project's token."""
    client = client_of(make_member(project=project))
    found = client.send("GET", "/identity/v3/auth/catalog").json()["catalog"]
    return {one["type"]: {point["interface"] for point in one["endpoints"]} for one in found}


def make_group(admin: ApiClient, **filters: Any) -> str:
    body = {"endpoint_group": {"name": "a group", "filters": filters}}
    answer = admin.send("POST", f"{FILTERS}/endpoint_groups", body)
    assert answer.status_code == 201
    return str(answer.json()["endpoint_group"]["id"])


def test_a_catalog_has_what_was_chosen_and_everything_where_nothing_was(
    admin: ApiClient, project: Project
) -> None:
    """Services stay, with no endpoints; other projects see all."""
    everything = catalog_of(project)
    compute = Endpoint.objects.get(service__type="compute", interface="public")
    url = f"{FILTERS}/projects/{project.pk}/endpoints/{compute.pk}"
    assert admin.send("GET", url).status_code == 404
    for _ in range(2):
        assert admin.send("PUT", url).status_code == 204
    assert admin.send("HEAD", url).status_code == 204
    assert catalog_of(project) == {**{kind: set() for kind in everything}, "compute": {"public"}}
    assert catalog_of(make_project()) == everything
    listed = admin.send("GET", f"{FILTERS}/endpoints/{compute.pk}/projects").json()["projects"]
    assert [one["id"] for one in listed] == [project.pk]
    assert admin.send("DELETE", url).status_code == 204
    assert admin.send("DELETE", url).status_code == 404
    assert catalog_of(project) == everything


def test_a_group_means_endpoints_by_what_they_have_in_common(
    admin: ApiClient, project: Project
) -> None:
    """All of its filters must fit; groups and chosen endpoints add up."""
    image = Service.objects.get(type="image").pk
    group = make_group(admin, service_id=image, interface="internal")
    url = f"{FILTERS}/endpoint_groups/{group}"
    association = f"{url}/projects/{project.pk}"
    assert admin.send("GET", association).status_code == 404
    assert admin.send("PUT", association).status_code == 204
    shown = admin.send("GET", association).json()["project_endpoint_group"]
    assert (shown["endpoint_group_id"], shown["project_id"]) == (group, project.pk)
    compute = Endpoint.objects.get(service__type="compute", interface="public")
    admin.send("PUT", f"{FILTERS}/projects/{project.pk}/endpoints/{compute.pk}")
    seen = {kind: found for kind, found in catalog_of(project).items() if found}
    assert seen == {"compute": {"public"}, "image": {"internal"}}
    listed = admin.send("GET", f"{FILTERS}/projects/{project.pk}/endpoints").json()["endpoints"]
    assert {one["interface"] for one in listed} == {"public", "internal"}
    (found,) = admin.send("GET", f"{url}/endpoints").json()["endpoints"]
    assert (found["service_id"], found["interface"]) == (image, "internal")
    body = {"endpoint_group": {"filters": {"region_id": "RegionOne"}}}
    changed = admin.send("PATCH", url, body).json()["endpoint_group"]
    assert (changed["filters"], changed["name"]) == ({"region_id": "RegionOne"}, "a group")
    assert catalog_of(project) == catalog_of(make_project())
    groups = admin.send("GET", f"{FILTERS}/projects/{project.pk}/endpoint_groups").json()
    assert [one["id"] for one in groups["endpoint_groups"]] == [group]
    assert admin.send("DELETE", association).status_code == 204
    assert admin.send("DELETE", association).status_code == 404
    assert admin.send("DELETE", url).status_code == 204


def test_what_fits_nothing_narrows_nothing(admin: ApiClient, project: Project) -> None:
    everything = catalog_of(project)
    group = make_group(admin, region_id="nowhere")
    admin.send("PUT", f"{FILTERS}/endpoint_groups/{group}/projects/{project.pk}")
    assert catalog_of(project) == everything


def test_what_is_no_group_or_no_project_is_refused(admin: ApiClient, project: Project) -> None:
    url = f"{FILTERS}/endpoint_groups"
    for filters in ({}, {"interface": "secret"}, {"colour": "red"}, None, [], {"region_id": None}):
        body = {"endpoint_group": {"name": "x", "filters": filters}}
        assert admin.send("POST", url, body).status_code == 400, filters
    group = make_group(admin, interface="public")
    endpoint = Endpoint.objects.earliest("created_at").pk
    assert {
        path: admin.send("PUT", f"{FILTERS}/{path}").status_code
        for path in (
            f"endpoint_groups/{group}/projects/nowhere",
            f"endpoint_groups/nothing/projects/{project.pk}",
            f"projects/nowhere/endpoints/{endpoint}",
            f"projects/{project.pk}/endpoints/nothing",
        )
    } == dict.fromkeys(
        (
            f"endpoint_groups/{group}/projects/nowhere",
            f"endpoint_groups/nothing/projects/{project.pk}",
            f"projects/nowhere/endpoints/{endpoint}",
            f"projects/{project.pk}/endpoints/nothing",
        ),
        404,
    )
