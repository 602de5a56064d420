"""JSON by orjson, in and out; empty answers stay empty."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer

from cloudweb.exceptions import BadRequest, RequestTooLarge

#: How deep a body may be nested, and how many values it may hold; a thousand ports in one body fit.
MAX_DEPTH = 32
MAX_MEMBERS = 50_000


def any_size(value: int) -> Any:
    """Return an integer as answers may hold it: beyond 64 bits orjson takes its digits alone."""
    return value if value < 2**63 else orjson.Fragment(str(value))


class OrjsonRenderer(BaseRenderer):
    """Render with orjson; None is an empty body."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        """Return the body."""
        return b"" if data is None else orjson.dumps(data)


class BrowserRenderer(BrowsableAPIRenderer):
    """The browsable API, for a browser with a dashboard session; forms are left to raw data."""

    def get_default_renderer(self, view: Any) -> BaseRenderer:
        """Show the JSON that clients get."""
        return IndentedJsonRenderer()

    def show_form_for_method(self, view: Any, method: str, request: Any, obj: Any) -> bool:
        """Offer no HTML forms: bodies are pydantic models, described in the schema pages."""
        return False


class IndentedJsonRenderer(OrjsonRenderer):
    """The same JSON, for eyes."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        """Return the body, indented."""
        return b"" if data is None else orjson.dumps(data, option=orjson.OPT_INDENT_2)


class JsonAlways(DefaultContentNegotiation):
    """Answer JSON whatever the client says it accepts; HTML only for a browser with a session.

    Clients send odd Accept and Content-Type headers on plain GETs (contract 12.1.4, 12.1.5).
    """

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """Use the JSON parser for bodies of any type unless the view brings others."""
        chosen = super().select_parser(request, parsers)
        return chosen or parsers[0]

    def select_renderer(
        self, request: Any, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        """Pick HTML for a browser that asks for it first and is logged in, JSON for all others."""
        accept = request.headers.get("Accept", "").lstrip().lower()
        user = getattr(request._request, "user", None)
        if accept.startswith("text/html") and getattr(user, "is_authenticated", False):
            for renderer in renderers:
                if isinstance(renderer, BrowserRenderer):
                    return renderer, renderer.media_type
        return renderers[0], renderers[0].media_type


class OrjsonParser(BaseParser):
    """Parse JSON of any declared type and charset; an empty body is None."""

    media_type = "*/*"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None
    ) -> Any:
        """Return the value; raise ParseError (400) for anything that is not JSON.

        No more than API_MAX_BODY is read: Django's own limit does not see what DRF reads. The front
        does not even take a body that is announced to be larger.
        """
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        announced = str(getattr(stream, "META", {}).get("CONTENT_LENGTH") or 0)
        body = stream.read(limit + 1)
        if len(body) > limit or (announced.isdigit() and int(announced) > limit):
            raise RequestTooLarge
        if not body.strip():
            return None
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            value = _loads_leniently(body, error)
        _refuse_tangles(value, body)
        if b"u0000" in body or b"\0" in body:
            _refuse_null_characters(value)
        return value


def _refuse_tangles(value: Any, body: bytes) -> None:
    """Raise BadRequest for JSON that is nested too deep or holds too much, however small it is.

    The signs in the text bound both, so that ordinary bodies are not walked through.
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH and body.count(b",") < MAX_MEMBERS:
        return
    values, level = 0, _containers([value])
    for _ in range(MAX_DEPTH):
        inside = [inner for item in level for inner in _inside(item)]
        values += len(inside)
        if values > MAX_MEMBERS:
            raise BadRequest(f"Malformed request body: more than {MAX_MEMBERS} values.")
        level = _containers(inside)
    if level:
        raise BadRequest(f"Malformed request body: nested deeper than {MAX_DEPTH} levels.")


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list)]


def _inside(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _refuse_null_characters(value: Any) -> None:
    """Raise ParseError for text with a null character: not every database can keep it."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            if "\0" in item:
                raise ParseError
        elif isinstance(item, dict):
            left += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            left += item


def _loads_leniently(body: bytes, error: Exception) -> Any:
    """Accept another declared charset's UTF-16/32 by the standard library, refuse the rest."""
    if body[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise ParseError from error
    try:
        return json.loads(body)
    except (ValueError, UnicodeDecodeError, RecursionError):
        raise ParseError from error
