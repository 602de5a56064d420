"""No endpoint without an access test, no public manager method without a declared policy.

The modules in ``access`` declare the lines; a route that has none there fails here.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, get_resolver, resolve

from cloudweb.manager import Manager
from cloudweb.mounts import service_of
from cloudweb.policy import RULES, policy_of
from tests.builders.access import Line

#: Has no lines: it tells apart what acts for one user, over routes that other modules declare.
WITHOUT_LINES = {"test_identity_delegations"}
#: What the access tests of every other module send.
LINES: list[Line] = [
    line
    for path in sorted(Path(__file__).parent.glob("access/test_*.py"))
    if path.stem not in WITHOUT_LINES
    for line in importlib.import_module(f"tests.contract.access.{path.stem}").test_access.lines
]
#: What is for everybody, with the test that says so.
FOR_EVERYBODY = {
    "/compute": "version document",
    "/compute/v2": "version document",
    "/compute/v2.1": "version document",
    "/network": "version document",
    "/volume": "version document",
    "/volume/v3": "version document",
    "/image": "version document",
    "/image/versions": "version document",
    "/image/v2": "version document",
    "/image/signed/<uuid:image_id>": "test_signed_downloads: the URL is its own credential",
    "PUT /image/signed/<uuid:image_id>": "test_signed_uploads: the URL is its own credential",
    **dict.fromkeys(
        (
            "/volume/signed/backups/<uuid:backup_id>/terms",
            "/volume/signed/backups/<uuid:backup_id>/parent",
            "/volume/signed/backups/<uuid:backup_id>/chunks",
            "/volume/signed/backups/<uuid:backup_id>/manifest",
            "/volume/signed/backups/<uuid:backup_id>/chunks/<uuid:origin>/<str:digest>",
            "PUT /volume/signed/backups/<uuid:backup_id>/chunks",
            "PUT /volume/signed/backups/<uuid:backup_id>/manifest",
        ),
        "test_backup_transfers: the URL is its own credential",
    ),
}
#: Programs that stand outside every service, with who is let in.
OUTSIDE = {
    "healthz": "everybody",
    "readyz": "everybody",
    "api/schema/download": "everybody: it describes, it holds nothing",
    "api/schema/": "everybody",
    "metadata": "guests, by their host's signature (test_guest_metadata)",
    "metadata/<path:path>": "guests, by their host's signature",
    **dict.fromkeys(
        (
            "metadata/openstack/database/enrol",
            "metadata/openstack/database/agent.<str:part>",
            "metadata/openstack/database/<str:kind>",
            "metadata/openstack/database/dumps/<uuid:backup_id>/<int:number>/<str:signature>",
            "metadata/openstack/database/dumps/log/<uuid:archive_id>/<int:number>/<str:signature>",
        ),
        "databases' guests, by host, port and key (functional/databases/test_guests)",
    ),
}
MANAGERS = (
    "operations", "audit", "reconciliation", "identity", "image", "network", "volume", "compute",
    "instances", "databases",
)  # fmt: skip


def routes(patterns: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield every pattern of the product with its whole path."""
    for one in patterns:
        path = prefix + str(one.pattern).removeprefix("^")
        if isinstance(one, URLPattern):
            yield path, one
        else:
            yield from routes(one.url_patterns, path)


def of_services() -> dict[str, tuple[Any, str]]:
    """Return what answers each "METHOD path" of every service, but for those under a project's id."""
    found = {}
    for path, pattern in routes(get_resolver().url_patterns):
        if service_of(f"/{path}") is None or "url_project_id" in path:
            continue
        actions = getattr(pattern.callback, "actions", {"get": "get"})
        for method, action in actions.items():
            if method != "head":
                found[f"{method.upper()} /{path}"] = (pattern.callback, action)
    return found


def route_of(line: Line) -> str:
    """Return "METHOD path" of the route that a line's request gets to."""
    path = re.sub(r"{[\w-]+}", "an-id", line.path.partition("?")[0]).removesuffix(".json")
    return f"{line.method} /{resolve(path).route}"


def test_every_route_of_every_service_has_an_access_test() -> None:
    covered = {route_of(line) for line in LINES}
    wanted = {said for said in of_services() if said.removeprefix("GET ") not in FOR_EVERYBODY}
    assert wanted - covered == set()


def test_what_stands_outside_the_services_is_known() -> None:
    outside = {
        path
        for path, pattern in routes(get_resolver().url_patterns)
        if service_of(f"/{path}") is None
        and "url_project_id" not in path
        and not path.startswith("admin/")
        and not pattern.lookup_str.startswith(("dashboard.", "tests.example.pages."))
    }
    assert outside <= OUTSIDE.keys()


@pytest.mark.parametrize("path", [path for path in FOR_EVERYBODY if "<" not in path])
def test_for_everybody_means_without_a_token(client: Any, path: str) -> None:
    assert client.get(path).status_code in (200, 300)


def managers() -> list[type[Manager]]:
    """Return every manager class of every app."""
    for app in MANAGERS:
        without = ("operations", "reconciliation")  # operators' pages alone
        importlib.import_module(f"{app}.api.urls" if app not in without else f"{app}.manager")
    left, found = [Manager], []
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        if not kind.__module__.startswith("tests."):  # what a test declares for itself
            found.append(kind)
    return found


def test_every_public_method_of_a_manager_has_a_declared_policy() -> None:
    bare = set()
    for kind in managers():
        for name, method in vars(kind).items():
            if name.startswith("_") or not inspect.isfunction(method):
                continue
            if policy_of(method) not in RULES:
                bare.add(f"{kind.__module__}.{kind.__name__}.{name}")
    assert bare == set()
