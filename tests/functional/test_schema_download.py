"""The OpenAPI schema as anybody downloads it: drawn once, however many ask at the same time."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import orjson
import pytest
import yaml
from django.test import Client

from cloudweb.api import schema, schema_document

PATH = "/api/schema/download"


@pytest.fixture(autouse=True)
def _not_drawn_yet() -> Iterator[None]:
    schema_document._drawn.cache_clear()
    yield
    schema_document._drawn.cache_clear()  # what was drawn here is nobody else's


def test_sixteen_at_once_get_one_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    drawings: list[Any] = []
    second = Event()

    def drawn(self: Any, **_: Any) -> Any:
        drawings.append(self)
        if len(drawings) > 1:
            second.set()
        second.wait(0.3)  # for one that would draw beside it
        return {"openapi": "3.1.1", "paths": {}}

    monkeypatch.setattr(schema.Generator, "get_schema", drawn)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: Client().get(PATH), range(16)))
    assert [answer.status_code for answer in answers] == [200] * 16
    assert len(drawings) == 1
    assert len({answer.content for answer in answers}) == 1


def test_it_is_yaml_or_json_compressed_or_not_and_sent_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = {"openapi": "3.1.1", "paths": {}}
    monkeypatch.setattr(schema.Generator, "get_schema", lambda *_, **__: body)
    client = Client()
    plain = client.get(PATH)
    assert plain.headers["Content-Type"] == "application/vnd.oai.openapi"
    assert yaml.safe_load(plain.content) == body
    packed = client.get(PATH, headers={"Accept": "application/json", "Accept-Encoding": "br, gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert {"Accept", "Accept-Encoding"} <= set(packed.headers["Vary"].split(", "))
    assert orjson.loads(gzip.decompress(packed.content)) == body
    again = client.get(PATH, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.post(PATH).status_code == 405
