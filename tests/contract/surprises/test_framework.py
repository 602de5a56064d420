"""What a web framework does by itself and OpenStack's clients trip over (contract 12.1).

A function is named after its number in the contract.
"""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import orjson
import pytest
from django.conf import settings as django_settings
from django.test import Client, RequestFactory

from cloudweb.mounts import MOUNTS
from cloudweb.wsgi import application
from tests.builders.browsers import PASSWORD, browser_of
from tests.builders.identity import ApiClient, client_with, make_member
from tests.contract.test_every_route_has_an_access_test import of_services
from tests.functional.test_envelopes import LISTS, SERVICES, check

pytestmark = pytest.mark.django_db
#: What holds secrets or streams has no list; what is called by name alone has no such thing either.
BINARY = "application/octet-stream"


@pytest.fixture
def admin() -> ApiClient:
    """An operator."""
    return client_with("admin")


def filled(path: str, word: str) -> str:
    """Return a route with its parameters filled in."""

    def one(found: re.Match[str]) -> str:
        known = {"uuid": str(uuid.uuid4()), "int": "5", "removed": "os-cells"}
        return known.get(found[1] or "", word)

    return re.sub(r"<(?:(\w+):)?\w+>", one, path)


def reads(word: str = "no-such-name") -> Iterator[tuple[str, str]]:
    """Yield every GET route of every service, and an address that leads to it."""
    for said in sorted(of_services()):
        method, _, route = said.partition(" ")
        if method == "GET" and "(?P" not in route:
            yield route, filled(route, word)


def chunked(path: str, body: bytes, *, method: str = "POST", kind: str, token: str = "") -> Any:
    """Send a body without a length as the front hands it over; return the parsed answer."""
    environ = RequestFactory().generic(method, path, content_type=kind).environ
    environ.pop("CONTENT_LENGTH", None)
    environ |= {
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": io.BytesIO(body),
        "wsgi.input_terminated": True,
        "CONTENT_TYPE": kind,
        "HTTP_X_AUTH_TOKEN": token,
    }
    said: dict[str, Any] = {}

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        said.update(status=int(status.split()[0]), headers=dict(headers))

    content = b"".join(application(environ, start))  # type: ignore[arg-type]
    return said["status"], content


@pytest.mark.django_db(transaction=True)
def test_01_chunked_uploads_arrive_whole(settings: Any, tmp_path: Any) -> None:
    """A body without Content-Length is read to its end; the front gives those of JSON a length."""
    settings.IMAGE_STORE = tmp_path
    client = client_with("member")
    token = client.defaults["HTTP_X_AUTH_TOKEN"]
    wanted = {"name": "c", "disk_format": "raw", "container_format": "bare"}
    image = client.send("POST", "/image/v2/images", wanted).json()
    data = b"0123456789" * 50_000
    status, _ = chunked(f"/image{image['file']}", data, method="PUT", kind=BINARY, token=token)
    assert status == 204
    shown = client.send("GET", f"/image/v2/images/{image['id']}").json()
    assert (shown["status"], shown["size"]) == ("active", len(data))


def test_02_a_slash_at_the_end_changes_nothing(admin: ApiClient) -> None:
    """Every route answers with and without it, and never by a redirect; an empty id is nobody's."""
    assert django_settings.APPEND_SLASH is False
    said = {one.partition(" ")[2] for one in of_services()}
    of_ids = {
        route.rpartition("/")[0]
        for route in said
        if route.endswith(">") and "<removed:" not in route
    }
    for route, path in reads():
        bare, slashed = (admin.send("GET", one) for one in (path, f"{path}/"))
        lacks_id = "<removed:" in route or (
            route in of_ids and not route.startswith(("/identity", "/audit", "/database"))
        )
        assert slashed.status_code == (404 if lacks_id else bare.status_code), route
        assert bare.status_code not in (301, 302, 307, 308), route
    made = admin.send("POST", "/identity/v3/projects/", {"project": {"name": "slashed"}})
    assert made.status_code == 201
    for method in ("GET", "DELETE", "PUT", "PATCH"):
        for path in ("/compute/v2.1/servers/", "/image/v2/images/", "/network/v2.0/ports/"):
            assert admin.send(method, path).status_code == 404, (method, path)


def test_03_no_csrf_and_no_session_where_a_token_is(admin: ApiClient) -> None:
    """A missing token is 401 with WWW-Authenticate; a token needs no CSRF cookie."""
    token = admin.defaults["HTTP_X_AUTH_TOKEN"]
    strict = Client(enforce_csrf_checks=True, headers={"X-Auth-Token": token})
    body = {"project": {"name": "no-csrf"}}
    assert strict.post(LISTS["identity"], body, content_type="application/json").status_code == 201
    anonymous = Client(enforce_csrf_checks=True)
    for service in SERVICES:
        answer = anonymous.post(LISTS[service], {}, content_type="application/json")
        assert answer.status_code == 401, service
        assert answer.headers["WWW-Authenticate"].startswith('Keystone uri="')


def test_04_json_whatever_is_accepted(admin: ApiClient) -> None:
    """Never 406 for Accept, never 415 for the type of an empty body."""
    for route, path in reads():
        usual = admin.send("GET", path).status_code
        for headers in (
            {"Accept": "application/xml;q=0.9, image/png"},
            {"Accept": "nonsense"},
            {"Content_Type": BINARY},
            {"Content_Type": "no type at all"},
        ):
            answer = admin.send("GET", path, **headers)
            assert answer.status_code == usual, (route, headers)
            if answer.content:
                kind = answer.headers["Content-Type"].partition(";")[0]
                assert kind == "application/json", (route, headers)


def test_05_no_format_override_and_html_for_browsers_alone(admin: ApiClient) -> None:
    """``format`` may be a property; HTML needs text/html first and a dashboard session."""
    path = LISTS["image"]
    for query in ("format=html", "format=api", "format=json"):
        answer = admin.send("GET", f"{path}?{query}", Accept="text/html")
        assert answer.headers["Content-Type"] == "application/json"
    assert admin.send("GET", f"{LISTS['network']}.json").status_code == 200
    browser = browser_of(make_member("member", password=PASSWORD))
    kinds = {
        accept: browser.get(path, headers={"Accept": accept}).headers["Content-Type"]
        for accept in ("text/html,*/*;q=0.8", "*/*", "application/json, text/html")
    }
    assert [kind.partition(";")[0] for kind in kinds.values()] == [
        "text/html", "application/json", "application/json",
    ]  # fmt: skip


def test_06_bodies_of_the_types_clients_send(admin: ApiClient) -> None:
    """JSON with any charset; 415 only for patches of images and uploads."""
    for number, kind in enumerate(
        ("application/json; charset=UTF-8", "application/json;charset=latin-1", "text/plain", "")
    ):
        body = orjson.dumps({"project": {"name": f"typed-{number}"}})
        answer = admin.generic("POST", LISTS["identity"], body, content_type=kind)
        assert answer.status_code == 201, kind
    image = {"name": "i", "disk_format": "raw", "container_format": "bare"}
    made = admin.send("POST", LISTS["image"], image).json()
    assert (
        admin.patch(f"/image{made['self']}", "[]", content_type="application/json").status_code
        == 415
    )
    assert admin.put(f"/image{made['file']}", b"x", content_type="text/plain").status_code == 415
    for version in ("2.0", "2.1"):
        kind = f"application/openstack-images-v{version}-json-patch"
        assert admin.patch(f"/image{made['self']}", "[]", content_type=kind).status_code == 200


def test_07_queries_keep_what_they_say(admin: ApiClient) -> None:
    """Repeated keys, keys with signs, flags without a value, values with ``=``, ``+`` in times."""
    ids = []
    for name in ("a", "b", "c"):
        made = admin.send("POST", LISTS["network"], {"network": {"name": name}}).json()
        ids.append(made["network"]["id"])
    both = admin.send("GET", f"{LISTS['network']}?id={ids[0]}&id={ids[1]}").json()["networks"]
    assert {one["id"] for one in both} == set(ids[:2])
    for query in (
        "router:external=False",
        "tags-any=x&not-tags=y",
    ):
        assert admin.send("GET", f"{LISTS['network']}?{query}").status_code == 200, query
    ports = admin.send("GET", "/network/v2.0/ports?fixed_ips=ip_address%3D10.0.0.9")
    assert ports.json() == {"ports": []}
    assert admin.send("GET", "/network/v2.0/ports?fixed_ips=ip_address=10.0.0.9").status_code == 200
    roles = admin.send("GET", "/identity/v3/role_assignments?effective&include_names")
    assert all("name" in one["role"] for one in roles.json()["role_assignments"])
    for moment in ("2026-01-01T00:00:00%2B00:00", "2026-01-01T00:00:00+00:00"):
        found = admin.send("GET", f"/compute/v2.1/servers?changes-since={moment}")
        assert found.status_code == 200, moment


def test_08_times_as_each_service_writes_them(admin: ApiClient) -> None:
    """Seconds and Z for network and image, microseconds and Z for tokens; never a mixture."""
    network = admin.send("POST", LISTS["network"], {"network": {"name": "t"}}).json()["network"]
    image = admin.send("POST", LISTS["image"], {"name": "t"}).json()
    for moment in (network["created_at"], network["updated_at"], image["created_at"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment)
    token = admin.send(
        "GET",
        "/identity/v3/auth/tokens",
        X_Subject_Token=admin.defaults["HTTP_X_AUTH_TOKEN"],
    ).json()["token"]
    for moment in (token["issued_at"], token["expires_at"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", moment)


def test_09_each_mount_has_its_envelope_even_outside_views(admin: ApiClient) -> None:
    """Unknown routes, wrong methods and unreadable bodies of every service, mounted yet or not."""
    for service in SERVICES:
        check(service, admin.send("GET", f"/{service}/v9/nothing"), 404)
        check(service, admin.send("DELETE", LISTS[service]), 405)
        message = check(service, admin.send("POST", LISTS[service], b"{"), 400)
        assert message == "Malformed request body."
    for service in set(MOUNTS) - set(SERVICES):
        (fault,) = admin.send("GET", f"/{service}/v1/nothing").json().values()
        assert fault["code"] == 404
    for said in of_services():
        method, _, route = said.partition(" ")
        if method in ("POST", "PUT", "PATCH") and "(?P" not in route:
            service = route.split("/")[1]
            answer = admin.generic(
                method, filled(route, "x"), b'{"a":', content_type="application/json"
            )
            assert 400 <= answer.status_code < 500, said
            assert answer.headers["Content-Type"] == "application/json", said
    for route, path in reads():
        said = admin.send("PROPFIND", path, OpenStack_API_Version="volume latest")
        check(route.split("/")[1], said, 405)


def test_10_head_wherever_get_is(admin: ApiClient) -> None:
    """With the status of the GET; keystone's checks have their own."""
    for route, path in reads():
        got, headed = admin.send("GET", path), admin.send("HEAD", path)
        assert headed.status_code in (got.status_code, 204), route
        assert headed.content == b""
    token = admin.defaults["HTTP_X_AUTH_TOKEN"]
    checked = admin.send("HEAD", "/identity/v3/auth/tokens", X_Subject_Token=token)
    assert checked.status_code in (200, 204)


def test_11_empty_answers_are_empty(admin: ApiClient) -> None:
    """202 and 204 carry neither ``null`` nor a Content-Type."""
    made = admin.send("POST", LISTS["network"], {"network": {"name": "gone"}}).json()["network"]
    flavor = {"name": "gone", "ram": 64, "vcpus": 1, "disk": 1}
    size = admin.send("POST", LISTS["compute"], {"flavor": flavor}).json()["flavor"]
    for path, status in (
        (f"{LISTS['network']}/{made['id']}", 204),
        (f"{LISTS['compute']}/{size['id']}", 202),
    ):
        answer = admin.send("DELETE", path)
        assert (answer.status_code, answer.content) == (status, b"")
        assert "Content-Type" not in answer.headers


def test_12_headers_in_any_case(admin: ApiClient) -> None:
    """libcloud writes them small; values come back untouched."""
    token = admin.defaults["HTTP_X_AUTH_TOKEN"]
    small = Client(headers={"x-auth-token": token})
    assert small.get(LISTS["compute"]).status_code == 200
    answer = small.get(LISTS["compute"], headers={"openstack-api-version": "COMPUTE 2.61"})
    assert answer.headers["openstack-api-version"] == "compute 2.61"
    subject = small.get("/identity/v3/auth/tokens", headers={"x-subject-token": token})
    assert subject.headers["X-Subject-Token"] == token


def links_of(value: Any) -> Iterator[str]:
    """Yield every absolute link anywhere in an answer; a namespace is a name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from links_of(inner) if key != "namespace" else ()
    elif isinstance(value, list):
        for inner in value:
            yield from links_of(inner)
    elif isinstance(value, str) and value.startswith(("http://", "https://")):
        yield value


@pytest.mark.parametrize("public", ["", "https://cloud.example:8443"])
def test_13_links_are_what_clients_reach(admin: ApiClient, settings: Any, public: str) -> None:
    """Built from PUBLIC_URL, else from what a trusted proxy was asked for, mount included."""
    settings.PUBLIC_URL = public
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.1")]
    base = public or "https://proxied.example"
    asked = {"X_Forwarded_Host": "proxied.example", "X_Forwarded_Proto": "https"}
    flavor = {"name": "m", "ram": 64, "vcpus": 1, "disk": 1}
    admin.send("POST", LISTS["compute"], {"flavor": flavor})
    seen = 0
    for route, path in reads():
        answer = admin.send("GET", path, **asked)
        if answer.status_code < 400 and not route.startswith("/image/v2/schemas"):
            for link in links_of(answer.json()):
                assert link.startswith((f"{base}/", "http://json-schema.org/")), (route, link)
                seen += 1
        if "Location" in answer.headers:
            assert answer.headers["Location"].startswith(f"{base}/"), route
    assert seen > 20


def test_14_large_limits_are_cut_and_wrong_ones_refused(admin: ApiClient) -> None:
    """Never a 400 for too large; always one for what is no natural number."""
    for service in SERVICES:
        path = LISTS[service]
        for limit in ("1001", "999999999", "9" * 40):
            assert admin.send("GET", f"{path}?limit={limit}").status_code == 200, (service, limit)
        for limit in ("-1", "x", "1.5", "1e3", "٣"):
            check(service, admin.send("GET", f"{path}?limit={limit}"), 400)
