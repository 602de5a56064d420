"""What databases say in XML is what they say in JSON, field by field, on every route; so is what they read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from django.db import transaction

from cloudweb.api.xml import MEDIA_TYPES, SUFFIX, dumps, loads
from databases import conf
from tests.builders.access import READS, Line, World, shared_world
from tests.contract.access.test_databases import LINES, V1, build

XML = MEDIA_TYPES[0]
world = shared_world(build)


@pytest.fixture
def _django_db_helper(django_db_setup: None) -> None:
    """Leave out pytest-django's transaction: each call has one of its own inside the world's."""


@pytest.fixture(autouse=True)
def _fake_guests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "GUESTS", "fake")


@pytest.mark.django_db
@pytest.mark.parametrize("line", LINES, ids=str)
def test_xml_says_what_json_says(line: Line, world: World, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        caller = "owner" if "owner" in line.passes else "admin"
        plain, found = sent(world, line, caller), sent(world, in_xml(line, world), caller)
        assert found.status_code == plain.status_code == line.status, found.content
        if not plain.content:
            assert not found.content
            return
        assert (plain.headers["Content-Type"], found.headers["Content-Type"]) == (
            "application/json",
            XML,
        )
        exact = line.method in READS
        said, wanted = loads(found.content), orjson.loads(plain.content)
        assert comparable(said, exact=exact) == comparable(as_read(wanted), exact=exact)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    [(f"{V1}/instances/none", 404), (f"{V1}/none", 404), (f"{V1}/datastores", 401)],
)
def test_so_are_refusals(path: str, status: int, world: World, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        client = world.clients["anonymous" if status == 401 else "owner"]
        plain, found = client.get(path), client.get(path + SUFFIX)
        assert (plain.status_code, found.status_code) == (status, status)
        assert comparable(loads(found.content), exact=True) == comparable(plain.json(), exact=True)


@pytest.mark.django_db
def test_a_document_that_is_none_is_a_bad_request(world: World, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        client = world.clients["owner"]
        answer = client.generic(
            "POST", f"{V1}/instances", b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', XML
        )
        assert answer.status_code == 400
        assert b"document type" in answer.content


def sent(world: World, line: Line, caller: str) -> Any:
    """Return the answer; what it did is taken back."""
    with transaction.atomic():
        answer = world.send(line, caller)
        transaction.set_rollback(True)
    return answer


def in_xml(line: Line, world: World) -> Line:
    """Return the line as a client of XML sends it."""
    body = None if line.body is None else dumps(line.body)
    for word, value in world.ids.items():
        body = body and body.replace(f"{{{word}}}".encode(), str(value).encode())
    return replace(line, kind=XML, body=body, headers={**line.headers, "Accept": XML})


def as_read(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a document's root holds: links to other pages are among its children."""
    first, *others = sorted(body, key=is_links)
    if not all(map(is_links, others)):
        return {"answer": body}
    rest = [body[key] for key in others]
    return {first: [*body[first], *rest] if rest else body[first]}


def is_links(key: str) -> bool:
    """Tell whether it leads to other pages."""
    return key == "links" or key.endswith("_links")


def comparable(value: Any, *, exact: bool) -> Any:
    """Return it without what XML cannot tell: kinds of values, nulls, what is empty.

    Where two were made, only their shapes are alike.
    """
    if isinstance(value, dict):
        inner = {key: comparable(one, exact=exact) for key, one in value.items()}
        return {key: one for key, one in inner.items() if one not in (None, {}, [], "")}
    if isinstance(value, list):
        return [comparable(one, exact=exact) for one in value]
    if value is None:
        return None
    return str(value) if exact else "…"
