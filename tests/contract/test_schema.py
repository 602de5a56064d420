"""The OpenAPI schema: drawn without a guess, valid, and true about callers and errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import orjson
import pytest
import yaml
from django.contrib.admindocs.views import simplify_regex
from django.test import RequestFactory
from drf_spectacular.validation import validate_schema

from cloudweb import exceptions as errors
from cloudweb.api.error_answers import shape
from cloudweb.api.errors import error_response
from tests.builders.openapi import drawn
from tests.contract.test_every_route_has_an_access_test import of_services

ERRORS = (
    errors.BadRequest,
    errors.Unauthorized,
    errors.Forbidden,
    errors.NotFound,
    errors.Conflict,
    errors.RequestTooLarge,
    errors.ServiceUnavailable,
)


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every operation with its name."""
    for path, methods in drawn()[0]["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_nothing_had_to_be_guessed() -> None:
    assert drawn()[1] == ""


def test_it_is_valid() -> None:
    validate_schema(drawn()[0])


def test_limits_of_values_are_said_in_its_words() -> None:
    """Pydantic keeps its own words for limits that it cannot push through a validator before them."""
    its_own = {"ge", "gt", "le", "lt", "multiple_of", "min_length", "max_length"}

    def wrong(value: Any, place: str) -> Iterator[str]:
        if isinstance(value, dict):
            yield from (f"{place}: {key}" for key in its_own & value.keys() if "type" in value)
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in inside:
            if isinstance(one, dict | list):
                yield from wrong(one, f"{place}/{key}")

    assert list(wrong(drawn()[0]["components"]["schemas"], "")) == []


def test_every_route_of_every_service_is_in_it() -> None:
    described = {re.sub(r"{\w+}", "<>", name) for name, _ in operations()}
    routed = {re.sub(r"<[\w:]+>", "<>", _plain(name)) for name in of_services()}
    assert routed <= described


def _plain(name: str) -> str:
    method, _, path = name.partition(" ")
    return f"{method} /{simplify_regex(path).strip('/')}".replace("\\.", ".")


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for _, operation in operations()]
    assert len(ids) == len(set(ids))


def test_every_operation_that_wants_a_token_documents_401_and_403() -> None:
    bare = {
        name
        for name, operation in operations()
        if any(operation.get("security", ()))
        and {} not in operation["security"]
        and not {"401", "403"} <= operation["responses"].keys()
    }
    assert bare == set()


@pytest.mark.parametrize("service", ["identity", "compute", "network", "image"])
@pytest.mark.parametrize("kind", ERRORS)
def test_errors_have_the_shape_the_schema_gives_them(
    service: str, kind: type[errors.CloudwebError]
) -> None:
    response = error_response(RequestFactory().get(f"/{service}/x"), kind())
    body = orjson.loads(response.content)
    jsonschema.validate(body, shape(service, response.status_code))


@pytest.mark.parametrize(
    ("path", "key"),
    [("/compute/v2.1/flavors", "flavor"), ("/identity/v3/users", "user")],
)
def test_a_body_is_described_under_its_envelope(path: str, key: str) -> None:
    schema, _ = drawn()
    body = schema["paths"][path]["post"]["requestBody"]
    place = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    assert schema["components"]["schemas"][place]["required"] == [key]


def test_the_page_and_the_document_are_served(client: Any) -> None:
    page = client.get("/api/schema/")
    assert page.status_code == 200
    assert "swagger" in page.content.decode()
    document = client.get("/api/schema/download")
    schemes = yaml.safe_load(document.content)["components"]["securitySchemes"]
    assert schemes.keys() == {"token", "session", "csrf"}
