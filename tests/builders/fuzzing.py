"""What schemathesis needs of us: a service's part of the schema, ids that exist, callers."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cloudweb.mounts import service_of
from tests.builders import openapi

#: How many requests are drawn for each operation beside those at the edges of its schema.
EXAMPLES = int(os.environ.get("CLOUDWEB_FUZZ_EXAMPLES", "3"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
#: For the tests: rows are undone after each request, so a fixture may serve them all.
fuzzed = settings(deadline=None, suppress_health_check=list(HealthCheck))
#: What stands in a drawn request for a token, which no schema can hold: it is made by the test.
A_TOKEN = "a-token-of-the-caller"


def service_schema(
    service: str, known: Mapping[str, Sequence[str]], *, examples: Mapping[str, Any] | None = None
) -> Any:
    """Return the schema of one service, in which attributes and parameters may have known values.

    ``examples`` are bodies that must be among what is sent, by operation id.
    """
    whole, _ = openapi.drawn()
    paths = {path: item for path, item in whole["paths"].items() if service_of(path) == service}
    drawn = _knowing(copy.deepcopy({**whole, "paths": paths}), known)
    for operation in (one for item in drawn["paths"].values() for one in item.values()):
        if body := (examples or {}).get(operation["operationId"]):
            operation["requestBody"]["content"]["application/json"]["example"] = body
    config = schemathesis.Config.from_dict(
        {
            "generation": {
                "max-examples": EXAMPLES,
                "deterministic": True,
                "with-security-parameters": False,
            },
            "phases": {"coverage": {"unexpected-methods": []}},
        }
    )
    schema = schemathesis.openapi.from_dict(drawn, config=config)
    schema.app = get_wsgi_application()
    return schema


def _knowing(node: Any, known: Mapping[str, Sequence[str]]) -> Any:
    """Put the known values of a name beside what its schema allows, wherever the name stands."""
    if isinstance(node, list):
        return [_knowing(item, known) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: _knowing(value, known) for key, value in node.items()}
    if "in" in node and "schema" in node and (name := str(node.get("name"))) in known:
        node["schema"] = _or_one_of(known[name], node["schema"])
    if isinstance(properties := node.get("properties"), dict):
        for name in properties.keys() & known.keys():
            properties[name] = _or_one_of(known[name], properties[name])
    return node


def _or_one_of(values: Sequence[str], schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"enum": list(values)}, schema]}


def send(case: Any, *, token: str) -> None:
    """Send a drawn request with this token and hold the answer to the schema; what it did is undone."""
    given = case.headers or {}
    headers = {name: token for name, value in given.items() if value == A_TOKEN}
    headers["X-Auth-Token"] = token
    with _one_connection(), transaction.atomic():
        case.call_and_validate(headers=headers, checks=CHECKS)
        transaction.set_rollback(True)


@contextmanager
def _one_connection() -> Iterator[None]:
    """Keep the handler from closing the connection that the test's transaction is on."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
