"""What users type into the dashboard: bad input is shown at its field and does nothing."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.test import Client

from cloudweb.encryption import decrypt
from compute.models import Flavor
from identity import quotas
from image.models import Image
from instances.models import Instance, KeyPair
from tests.builders.browsers import PASSWORD, browser_of, text_of
from tests.builders.identity import grant, make_member, make_project
from tests.builders.images import RAW
from tests.builders.instances import Lab, lab

pytestmark = pytest.mark.django_db(transaction=True)
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKNeh5Ks0jb4sMQJBPV2Hhk2+5nTYkTvD0Y2yfkTn3Eh me"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Lab]:
    with lab(tmp_path) as made:
        yield made


@pytest.fixture
def member(home: Lab) -> Client:
    return browser_of(make_member("member", project=home.project, password=PASSWORD))


def wanted(home: Lab, **overrides: Any) -> dict[str, Any]:
    """The launch form, filled."""
    filled = {
        "name": "web-1",
        "image": str(home.image.id),
        "flavor": home.flavor.id,
        "networks": [str(home.network.id)],
        "groups": ["default"],
        "count": "1",
        **overrides,
    }
    return {name: value for name, value in filled.items() if value is not None}


def wrong(answer: Any) -> list[str]:
    """Return what a page says is wrong, in its order."""
    found = re.findall(r'<p class="wrong"[^>]*>\s*([^<]+?)\s*</p>', answer.content.decode())
    return [html.unescape(text) for text in found if text]


def test_launch(home: Lab, member: Client) -> None:
    assert member.post("/key-pairs/new", {"name": "laptop"}).status_code == 200
    script = "#!/bin/sh\r\necho hello\r\n"
    answer = member.post(
        "/servers/launch", wanted(home, key="laptop", user_data=script, zone="nova")
    )
    server = Instance.objects.get()
    assert answer.url == f"/servers/{server.id}"
    assert (server.name, server.key_name, server.wanted_zone) == ("web-1", "laptop", "nova")
    assert server.security_groups == ["default"]
    assert base64.b64decode(decrypt(server.user_data)) == b"#!/bin/sh\necho hello\n"
    assert "Building" in text_of(member.get(answer.url))
    home.cloud.settle()
    page = text_of(member.get(answer.url))
    assert "Running" in page
    assert "10.0.0." in page


def test_launch_several(home: Lab, member: Client) -> None:
    assert member.post("/servers/launch", wanted(home, count="3")).url == "/servers"
    names = sorted(Instance.objects.values_list("name", flat=True))
    assert names == ["web-1-1", "web-1-2", "web-1-3"]
    home.cloud.settle()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "This field is required."),
        ("name", "a\x07b", "Control characters are not allowed."),
        ("name", "x" * 256, "at most 255 characters"),
        ("image", None, "Choose an image."),
        ("image", "8f1ad1c5-8a3c-4f2f-8a92-8c2a4e8d9a10", "not there any more"),
        ("image", "../../etc/passwd", "not there any more"),
        ("flavor", None, "Choose a size."),
        ("flavor", "nonsense", "not there any more"),
        ("networks", [], "Choose at least one network."),
        ("networks", ["8f1ad1c5-8a3c-4f2f-8a92-8c2a4e8d9a10"], "not there any more"),
        ("groups", ["nobody"], "not there any more"),
        ("key", "nobody", "not there any more"),
        ("count", "0", "greater than or equal to 1"),
        ("count", "many", "Enter a whole number."),
        ("user_data", "x" * 60_000, "at most 49149"),
        ("user_data", "é" * 40_000, "longer than 49,149 bytes"),
    ],
)
def test_bad_launches(home: Lab, member: Client, field: str, value: Any, words: str) -> None:
    answer = member.post("/servers/launch", wanted(home, **{field: value}))
    assert answer.status_code == 422
    assert words in " ".join(wrong(answer))
    assert not Instance.objects.exists()


def test_what_was_typed_stays(home: Lab, member: Client) -> None:
    page = member.post("/servers/launch", wanted(home, name="keep me", image="x")).content.decode()
    assert 'value="keep me"' in page
    assert re.search(rf'name="flavor"\s+value="{home.flavor.id}"[^>]*checked', page, re.S)


def test_a_size_that_is_too_small_is_said_at_the_size(home: Lab, member: Client) -> None:
    Image.objects.filter(id=home.image.id).update(min_ram=10**6)
    answer = member.post("/servers/launch", wanted(home))
    assert "memory is too small" in wrong(answer)[0]


def test_over_quota_is_said_and_the_size_is_dimmed(home: Lab, member: Client) -> None:
    quotas.update(home.project.pk, "compute", {"ram": home.flavor.ram})
    answer = member.post("/servers/launch", wanted(home, count="2"))
    assert answer.status_code == 422
    assert "Quota exceeded for ram" in text_of(answer)
    largest = Flavor.objects.order_by("-ram").first()
    page = member.get("/servers/launch").content.decode()
    assert largest is not None
    card = re.search(rf'<input[^>]*name="flavor"\s+value="{largest.id}".*?>', page, re.S)
    assert card is not None
    assert "disabled" in card[0]


def test_a_server_that_fits_nowhere_says_why(home: Lab, member: Client) -> None:
    home.guests["h1"].ram = 600
    home.cloud.report()
    home.cloud.pump()
    largest = Flavor.objects.order_by("-ram").first()
    assert largest is not None
    answer = member.post("/servers/launch", wanted(home, flavor=largest.id))
    home.cloud.settle()
    page = text_of(member.get(answer.url))
    assert "No host has room for it." in page
    assert "What would help:" in page
    assert "h1" not in page
    assert "Failed, taken back" in page


def test_keys(member: Client) -> None:
    made = member.post("/key-pairs/new", {"name": "laptop"})
    assert "BEGIN OPENSSH PRIVATE KEY" in text_of(made)
    assert made.headers["Cache-Control"] == "no-store"
    assert "PRIVATE KEY" not in text_of(member.get("/key-pairs"))
    again = member.post("/key-pairs/new", {"name": "laptop"})
    assert (again.status_code, wrong(again)) == (422, ["Key pair 'laptop' already exists."])
    assert "Use letters" in wrong(member.post("/key-pairs/new", {"name": "../x"}))[0]
    nonsense = member.post("/key-pairs/import", {"name": "other", "public_key": "not a key"})
    assert wrong(nonsense) == ["This is not an SSH public key."]
    good = {"name": "other", "public_key": PUBLIC_KEY}
    assert member.post("/key-pairs/import", good).url == "/key-pairs"
    assert set(KeyPair.objects.values_list("name", flat=True)) == {"laptop", "other"}
    gone = {"one": "delete other", "agreed": "yes"}
    assert [member.post("/key-pairs", gone).status_code for _ in range(2)] == [302, 404]


def test_a_key_made_on_the_launch_page_is_chosen(member: Client) -> None:
    body = {"new-name": "laptop", "prefix": "new", "inline": "yes"}
    answer = member.post("/key-pairs/new", body, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert "PRIVATE KEY" in page
    assert '<option value="laptop" selected>' in page
    again = member.post("/key-pairs/new", body, headers={"HX-Request": "true"})
    assert "already exists" in wrong(again)[0]


FACTS = {"name": "disk", "disk_format": "raw", "visibility": "private"}


def test_upload(home: Lab, member: Client) -> None:
    urls = member.post("/images/new", {**FACTS, "min_ram": "64"}).json()
    assert "Waiting for data" in text_of(member.get(urls["page"]))
    answer = member.put(urls["data"], RAW, content_type="application/octet-stream")
    assert (answer.status_code, answer.content) == (204, b"")
    image = Image.objects.get(name="disk")
    assert (image.status, image.size, image.min_ram) == ("active", len(RAW), 64)
    assert "Launch a server" in text_of(member.get(urls["page"]))


def test_an_upload_that_is_refused_says_why(home: Lab, member: Client) -> None:
    urls = member.post("/images/new", {**FACTS, "disk_format": "qcow2"}).json()
    answer = member.put(urls["data"], RAW, content_type="application/octet-stream")
    assert answer.status_code == 415
    assert answer.json()["error"] == "This looks like a raw disk; choose raw."
    assert member.post(urls["remove"]).status_code == 302


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "a\x00b"), ("disk_format", "exe"), ("visibility", "odd"),
        ("visibility", "public"), ("min_ram", "-1"), ("min_disk", "99999999999"),
    ],
)  # fmt: skip
def test_bad_images(member: Client, field: str, value: str, home: Lab) -> None:
    answer = member.post("/images/new", {**FACTS, field: value})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert Image.objects.count() == 1


def test_an_image_is_changed(home: Lab, member: Client) -> None:
    url = f"/images/{home.image.id}"
    body = {"name": "renamed", "visibility": "private", "min_disk": "2", "protected": "on"}
    assert member.post(url, body).url == url
    image = Image.objects.get()
    assert (image.name, image.min_disk, image.protected) == ("renamed", 2, True)
    answer = member.post(f"{url}/delete", headers={"Referer": f"http://testserver{url}"})
    assert answer.url == f"http://testserver{url}"
    assert "is protected" in text_of(member.get(url))
    assert member.post(url, {**body, "min_ram": "x"}).status_code == 422


def test_log_in(home: Lab) -> None:
    user = make_member(password=PASSWORD)
    client = Client()
    answer = client.post("/login", {"username": user.name, "password": "wrong"})
    assert "do not belong together" in text_of(answer)
    body = {"username": user.name, "password": PASSWORD, "next": "//evil.example/"}
    assert client.post("/login", body).url == "/"
    client.logout()
    assert client.post("/login", {**body, "next": "/servers"}).url == "/servers"
    assert client.get("/login").url == "/"
    assert client.get("/logout").status_code == 405
    assert client.post("/logout").url == "/login"
    assert client.get("/").status_code == 302


def test_switching_projects(home: Lab) -> None:
    home.create()
    user = make_member("member", project=home.project, password=PASSWORD)
    second = make_project(name="second")
    grant(user, second, "reader")
    client = browser_of(user)
    assert "vm1" in text_of(client.get("/servers"))
    assert client.post("/project", {"project": second.pk}).url == "/"
    assert "vm1" not in text_of(client.get("/servers"))
    assert client.post("/project", {"project": make_project().pk}).status_code == 404


def test_own_password(home: Lab) -> None:
    user = make_member(password=PASSWORD)
    client = browser_of(user)
    body = {"old_password": "wrong", "new_password1": "n3w", "new_password2": "n3w"}
    assert "was entered incorrectly" in wrong(client.post("/account", body))[0]
    mistyped = client.post("/account", {**body, "old_password": PASSWORD, "new_password2": "x"})
    assert "match" in wrong(mistyped)[0]
    assert client.post("/account", {**body, "old_password": PASSWORD}).url == "/account"
    assert authenticate(username=user.name, password="n3w") == user
    assert client.get("/account").status_code == 200


def test_credentials_for_the_command_line(home: Lab) -> None:
    project = make_project(name='odd "name" $(id)')
    user = make_member("member", project=project, password=PASSWORD)
    client = browser_of(user)
    clouds = client.get("/account/clouds.yaml").content.decode()
    assert f'project_id: "{project.pk}"' in clouds
    assert "  odd-name-id:\n" in clouds
    assert PASSWORD not in clouds
    script = client.get("/account/openrc").content.decode()
    assert "export OS_PROJECT_NAME='odd \"name\" $(id)'" in script
