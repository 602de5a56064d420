"""Version documents, the catalog, and how clients look things up (contract 12.2 and 12.3)."""

from __future__ import annotations

from typing import Any

import pytest

from compute.models import Flavor
from identity.bootstrap import bootstrap
from tests.builders.identity import ApiClient, client_of, client_with, make_member, make_project
from tests.builders.images import RAW, make_image
from tests.builders.networks import make_context, make_group, make_network
from tests.builders.servers import make_server
from tests.contract.surprises.test_framework import reads
from tests.functional.test_envelopes import LISTS

pytestmark = pytest.mark.django_db
DOCUMENTS = ("/identity", "/identity/v3", "/compute", "/compute/v2.1", "/network", "/image",
             "/image/versions", "/volume", "/volume/v3")  # fmt: skip


@pytest.fixture
def admin() -> ApiClient:
    """An operator."""
    return client_with("admin")


def catalog(name: str = "admin") -> list[dict[str, Any]]:
    """Log in to a cloud after its first minute; return the catalog of the token."""
    bootstrap(admin_password="x", demo_password="y")
    user = {"name": name, "domain": {"id": "default"}, "password": "x"}
    body = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": name, "domain": {"id": "default"}}},
        }
    }
    answer = ApiClient().send("POST", "/identity/v3/auth/tokens", body)
    assert answer.status_code == 201, answer.content
    found: list[dict[str, Any]] = answer.json()["token"]["catalog"]
    return found


@pytest.mark.parametrize("path", DOCUMENTS)
def test_15_version_documents_need_no_token(path: str) -> None:
    """A bad token does not matter either, nor a microversion that nobody speaks."""
    for client in (ApiClient(), ApiClient("nonsense")):
        for address in (path, f"{path}/"):
            assert client.send("GET", address).status_code in (200, 300)
    if path == "/compute/v2.1":
        version = ApiClient().send("GET", path).json()["version"]
        assert (version["min_version"], version["version"]) == ("2.1", "2.96")


def test_16_each_document_nests_in_its_own_way() -> None:
    """Identity's root has ``values``; the others a list; one version is ``version``."""
    bodies = {path: ApiClient().send("GET", path).json() for path in DOCUMENTS}
    assert [one["id"] for one in bodies["/identity"]["versions"]["values"]] == ["v3.14"]
    assert bodies["/identity/v3"]["version"]["id"] == "v3.14"
    assert "v2.1" in [one["id"] for one in bodies["/compute"]["versions"]]
    assert bodies["/compute/v2.1"]["version"]["id"] == "v2.1"
    assert [one["id"] for one in bodies["/network"]["versions"]] == ["v2.0"]
    for path in ("/volume", "/volume/v3"):
        (one,) = bodies[path]["versions"]
        assert (one["id"], one["min_version"], one["version"]) == ("v3.0", "3.0", "3.71")
        assert one["links"] == [{"rel": "self", "href": "http://testserver/volume/v3/"}]
    for path in ("/image", "/image/versions"):
        for one in bodies[path]["versions"]:
            assert one["links"][0]["href"].endswith("/image/v2/")


def test_17_catalog_addresses_carry_a_version_where_clients_want_one() -> None:
    """Compute with, network and image without: some clients append it themselves."""
    urls = {one["type"]: {end["url"] for end in one["endpoints"]} for one in catalog()}
    assert urls["compute"] == {"http://testserver/compute/v2.1"}
    assert urls["network"] == {"http://testserver/network"}
    assert urls["image"] == {"http://testserver/image"}
    assert urls["block-storage"] == urls["volumev3"] == {"http://testserver/volume/v3"}
    assert urls["identity"] == {"http://testserver/identity"}


def test_18_services_have_the_names_that_libcloud_asks_for() -> None:
    """Both types of the volume service, too."""
    names = {one["type"]: one["name"] for one in catalog()}
    assert names["compute"] == "nova"
    assert names["network"] == "neutron"
    assert names["image"] == "glance"
    assert names["identity"] == "keystone"
    assert (names["block-storage"], names["volumev3"]) == ("cinder", "cinderv3")


def test_19_every_service_has_three_interfaces_at_one_address() -> None:
    """And both spellings of the region."""
    for service in catalog():
        ends = service["endpoints"]
        assert sorted(one["interface"] for one in ends) == ["admin", "internal", "public"]
        assert len({one["url"] for one in ends}) == 1
        assert all(one["region"] == one["region_id"] == "RegionOne" for one in ends)


def test_20_words_for_a_versions_status() -> None:
    """One word that nobody knows makes gophercloud give up."""
    identity = ApiClient().send("GET", "/identity/v3").json()["version"]
    assert identity["status"] == "stable"
    for path in ("/compute", "/network", "/image", "/volume"):
        for one in ApiClient().send("GET", path).json()["versions"]:
            assert one["status"] in ("CURRENT", "SUPPORTED", "DEPRECATED")


@pytest.mark.parametrize("word", ["a-name", "web 1", "10.0.0.7", "ünï", "0", "None", "x" * 255])
def test_21_a_name_where_an_id_belongs_is_a_clean_404(admin: ApiClient, word: str) -> None:
    """Of every route that shows one thing; quotas, usage and topologies alone are of any project."""
    shows = [(route, path) for route, path in reads(word) if route.endswith(">")]
    assert len(shows) > 20
    for route, path in shows:
        if any(part in route for part in ("quota", "usage", "topology", "<uuid:", "<removed:")):
            continue
        for version in ("2.1", "2.96"):
            answer = admin.send("GET", path, OpenStack_API_Version=f"compute {version}")
            assert answer.status_code == 404, (route, version, answer.content)


def test_21_then_the_name_is_looked_for_in_the_list(admin: ApiClient) -> None:
    """By an exact query in every service but compute, whose flavors are read whole."""
    for service, body in (
        ("network", {"network": {"name": "that"}}),
        ("identity", {"project": {"name": "that"}}),
        ("image", {"name": "that"}),
    ):
        assert admin.send("POST", LISTS[service], body).status_code == 201
        found = admin.send("GET", f"{LISTS[service]}?name=that").json()
        rows = next(value for value in found.values() if isinstance(value, list) and value)
        assert [one["name"] for one in rows] == ["that"]
        missing = admin.send("GET", f"{LISTS[service]}?name=tha").json()
        assert not any(isinstance(value, list) and value for value in missing.values())
    assert admin.send("GET", f"{LISTS['compute']}/detail?is_public=None").status_code == 200


def test_22_a_servers_name_is_a_pattern_all_others_are_exact() -> None:
    """The list of servers narrows by a part of the name, or by one with anchors."""
    user = make_member("member")
    client = client_of(user)
    for name in ("web-1", "web-2", "db"):
        make_server(user, name=name)
    for query, expected in (("web", 2), ("^web-1$", 1), ("WEB-2", 1), ("eb-", 2), ("nothing", 0)):
        found = client.send("GET", f"/compute/v2.1/servers?name={query}").json()["servers"]
        assert len(found) == expected, query


def test_23_images_by_several_ids(admin: ApiClient) -> None:
    """``id=in:``; an ignored operator would give wrong names to a list of servers."""
    made = [admin.send("POST", LISTS["image"], {"name": name}).json()["id"] for name in "abc"]
    found = admin.send("GET", f"{LISTS['image']}?id=in:{made[0]},{made[2]}").json()["images"]
    assert {one["id"] for one in found} == {made[0], made[2]}


def test_24_booleans_and_none_in_every_spelling(admin: ApiClient) -> None:
    """None is all flavors; a flag is true by any word for it, and wrong words are a 400."""
    Flavor.objects.all().delete()
    for name, public in (("open", True), ("closed", False)):
        flavor = {
            "name": name, "ram": 64, "vcpus": 1, "disk": 1, "os-flavor-access:is_public": public,
        }  # fmt: skip
        assert admin.send("POST", LISTS["compute"], {"flavor": flavor}).status_code == 200

    def flavors(query: str) -> set[str]:
        answer = admin.send("GET", f"{LISTS['compute']}?{query}")
        assert answer.status_code == 200, query
        return {one["name"] for one in answer.json()["flavors"]}

    for word in ("None", "none", "NONE"):
        assert flavors(f"is_public={word}") == {"open", "closed"}
    for word in ("True", "true", "1", "yes", "on", "t"):
        assert flavors(f"is_public={word}") == {"open"}
    for word in ("False", "false", "0", "no", "off", "f"):
        assert flavors(f"is_public={word}") == {"closed"}
    assert admin.send("GET", f"{LISTS['compute']}?is_public=perhaps").status_code == 400
    for query in ("all_tenants=1", "all_tenants=True", "all_tenants", "deleted=False"):
        assert admin.send("GET", f"/compute/v2.1/servers?{query}").status_code == 200, query
    for query in ("shared=False", "shared=0", "admin_state_up=True", "admin_state_up=1"):
        assert admin.send("GET", f"{LISTS['network']}?{query}").status_code == 200, query


def test_25_a_security_group_by_name_or_id() -> None:
    """Two of one name are too many to choose from."""
    project = make_project()
    client = client_with("member", project=project)
    context = make_context(project_id=project.pk)
    network = make_network(context)
    for _ in range(2):
        make_group(context, name="twice")
    flavor = {"id": "tiny", "name": "tiny", "ram": 64, "vcpus": 1, "disk": 1}
    client_with("admin").send("POST", LISTS["compute"], {"flavor": flavor})
    server = {
        "name": "s", "flavorRef": "tiny", "imageRef": str(make_image(context=context, data=RAW).id),
        "networks": [{"uuid": str(network.pk)}],
    }  # fmt: skip
    for word, status, text in (
        ("twice", 409, "Multiple security_group"),
        ("nothing", 400, "nothing"),
    ):
        body = {"server": {**server, "security_groups": [{"name": word}]}}
        answer = client.send("POST", "/compute/v2.1/servers", body)
        assert answer.status_code == status, answer.content
        assert text in answer.content.decode()
    assert client.send("GET", "/compute/v2.1/servers").json()["servers"] == []
