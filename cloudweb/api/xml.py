"""XML beside JSON, for services whose dialect speaks it: the same bodies in and out, written otherwise.

The rule of Trove's v1.0 documents: what has one value is an attribute, objects and lists are elements, a
list ``users`` holds elements ``user``, links to other pages are the last child of the root, and a fault's
message is an element. A key that is no XML name is an element ``entry`` with the attribute ``key``.
A null is left out, for an attribute cannot hold none. All is in the namespace NAMESPACE.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from xml.etree.ElementTree import Element, SubElement, tostring
from xml.parsers import expat

import orjson
from django.conf import settings
from django.http import HttpRequest
from rest_framework.renderers import BaseRenderer

from cloudweb.api.rendering import MAX_DEPTH, MAX_MEMBERS, JsonAlways, OrjsonParser
from cloudweb.dialect import FAULTS
from cloudweb.exceptions import BadRequest, RequestTooLarge

NAMESPACE = "http://docs.openstack.org/database/api/v1.0"
MEDIA_TYPES = ("application/xml", "application/vnd.openstack.trove+xml", "text/xml")
SUFFIX = ".xml"
#: Lists whose elements are not called as they are without their s.
SINGULARS = {
    "backup_strategies": "backup_strategy",
    "allowed_cidrs": "cidr",
    "ip": "address",
    "addresses": "address",
}
#: What is a list where it stands empty; others are one by the names of their elements.
LISTS = frozenset(
    {
        *("databases", "users", "nics", "modules", "instances", "replicas", "allowed_cidrs"),
        *("ip", "addresses", "links", "datastores", "versions", "backups", "configurations"),
        *("flavors", "logs", "limits", "clusters", "backup_strategies", "metadata_list"),
        *("configuration-parameters", "volume_types", "root_history", "services"),
    }
)
#: Objects whose keys the client chooses, and whose values are numbers or truths where they read so.
MAPS = frozenset({"values", "quotas"})
#: Attributes that are numbers or truths, by their names.
NUMBERS = frozenset({"size", "used", "replica_count", "incremental", "resetCount", "keep"})
TRUTHS = frozenset({"is_public", "rootEnabled", "active", "restart_required", "default"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"-?[0-9]{1,17}\.[0-9]{1,17}")
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FAULTS = frozenset({*FAULTS.values(), "instanceFault"})


def asks_for_xml(request: HttpRequest) -> bool:
    """Tell whether a client takes XML rather than JSON: by the path's end or by the Accept header."""
    if getattr(request, "has_xml_suffix", False):
        return True
    best, quality = "", 0.0
    for part in request.headers.get("Accept", "").lower().split(","):
        kind, *facts = (word.strip() for word in part.split(";"))
        weight = _weight(facts)
        if weight > quality:
            best, quality = kind, weight
    return best in MEDIA_TYPES


def _weight(facts: list[str]) -> float:
    said = next((fact[2:] for fact in facts if fact.startswith("q=")), "1")
    try:
        return float(said)
    except ValueError:
        return 0.0


class JsonOrXml(JsonAlways):
    """XML for a client that asks for it and of one that says so, JSON for all others."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """Read XML where the body says that it is; of any other type it is JSON."""
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        wanted = XmlParser if kind in MEDIA_TYPES else OrjsonParser
        return next(parser for parser in parsers if type(parser) is wanted)

    def select_renderer(
        self, request: Any, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        """Pick XML where it is asked for."""
        if asks_for_xml(request._request):
            for renderer in renderers:
                if isinstance(renderer, XmlRenderer):
                    return renderer, renderer.media_type
        return super().select_renderer(request, renderers, format_suffix)


class XmlRenderer(BaseRenderer):
    """Render what JSON would hold; None is an empty body."""

    media_type = MEDIA_TYPES[0]
    format = "xml"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        """Return the document."""
        return b"" if data is None else dumps(orjson.loads(orjson.dumps(data)))


class XmlParser(OrjsonParser):
    """Parse a document into what the same body in JSON would be; an empty body is None."""

    media_type = MEDIA_TYPES[0]

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None
    ) -> Any:
        """Return the value; raise BadRequest for what is no such document, RequestTooLarge for too much."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise RequestTooLarge
        return loads(body) if body.strip() else None


def dumps(body: Mapping[str, Any]) -> bytes:
    """Return the document of a body: its first key is the root, links to other pages are its last child.

    A body that is not one thing under its name is an ``answer``.
    """
    first, *others = sorted(body, key=_is_links)
    if not all(map(_is_links, others)):
        root = _element("answer", body)
    else:
        root = _element(first, body[first])
        for key in others:
            root.append(_element(key, body[key]))
    root.set("xmlns", NAMESPACE)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, "unicode").encode()


def _is_links(key: str) -> bool:
    return key == "links" or key.endswith("_links")


def _element(key: str, value: Any) -> Element:
    is_name = bool(_NAME.fullmatch(key)) and key != "xmlns"
    made = Element(key) if is_name else Element("entry", {"key": _text(key)})
    if isinstance(value, dict):
        for name, inner in value.items():
            _put(made, name, inner)
    elif isinstance(value, list):
        for inner in value:
            made.append(_element(_singular(key), inner))
    elif value is not None:
        made.text = _text(value)
    return made


def _put(made: Element, name: str, value: Any) -> None:
    if value is None:
        return
    if isinstance(value, dict | list):
        made.append(_element(name, value))
    elif made.tag in _FAULTS and name == "message":
        SubElement(made, name).text = _text(value)
    elif _NAME.fullmatch(name) and name not in ("xmlns", "key"):
        made.set(name, _text(value))
    else:
        made.append(_element(name, value))


def _singular(key: str) -> str:
    return SINGULARS.get(key) or (key[:-1] if key.endswith("s") else "item")


def _text(value: Any) -> str:
    return _UNWRITABLE.sub("\ufffd", str(value))


@dataclass(slots=True)
class _Node:
    """An element as it is read."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[_Node] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


def loads(document: bytes) -> dict[str, Any]:
    """Return the body that a document says.

    Raises BadRequest for a malformed document, a document type, entities, a foreign namespace, and for
    one that is nested too deep or holds too much. Nothing outside of the document is read.
    """
    root = _read(document)
    return {root.tag: _value(root)}


def _read(document: bytes) -> _Node:
    top = _Node("")
    path, held = [top], 0
    reader = expat.ParserCreate(namespace_separator=" ")
    reader.buffer_text = True

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal held
        held += 1 + len(attributes)
        if len(path) > MAX_DEPTH or held > MAX_MEMBERS:
            raise BadRequest("Malformed request body: nested too deep, or too many values.")
        own = {key: value for key, value in attributes.items() if " " not in key}
        path.append(_Node(_local(name), own))
        path[-2].children.append(path[-1])

    def end(_name: str) -> None:
        path.pop()

    def text(said: str) -> None:
        path[-1].said.append(said)

    def refuse(*_: Any) -> None:
        raise BadRequest("Malformed request body: a document type or entity is refused.")

    reader.StartElementHandler = start
    reader.EndElementHandler = end
    reader.CharacterDataHandler = text
    reader.StartDoctypeDeclHandler = refuse
    reader.EntityDeclHandler = refuse
    try:
        reader.Parse(document, True)
    except expat.ExpatError as error:
        raise BadRequest(f"Malformed request body: {error}.") from error
    except (ValueError, LookupError) as error:  # an encoding that is none
        raise BadRequest("Malformed request body: an unknown encoding.") from error
    return top.children[0]


def _local(name: str) -> str:
    namespace, _, tag = name.rpartition(" ")
    if namespace not in ("", NAMESPACE):
        raise BadRequest(f"Malformed request body: the namespace {namespace[:100]} is unknown.")
    return tag


def _value(node: _Node) -> Any:
    said = "".join(node.said).strip()
    if not node.children and not node.attributes:
        empty: Any = [] if node.tag in LISTS else {}
        return _typed(node.tag, said) if said else empty
    if not node.attributes and {child.tag for child in node.children} <= _elements(node.tag):
        return [_value(child) for child in node.children]
    found = {name: _typed(name, value) for name, value in node.attributes.items()}
    found |= dict(_members(node))
    return {key: _guessed(value) for key, value in found.items()} if node.tag in MAPS else found


def _elements(tag: str) -> set[str]:
    """Return what the elements of a list are called; links to other pages may stand beside them."""
    return {_singular(tag), "links", f"{tag}_links"}


def _members(node: _Node) -> Iterator[tuple[str, Any]]:
    for child in node.children:
        if child.tag == "entry" and "key" in child.attributes:
            key = child.attributes.pop("key")
            yield key, _value(_Node("entry", child.attributes, child.children, child.said))
        else:
            yield child.tag, _value(child)


def _typed(name: str, said: str) -> Any:
    if name in NUMBERS and _NUMBER.fullmatch(said):
        return int(said)
    if name in TRUTHS and said.lower() in ("true", "false"):
        return said.lower() == "true"
    return said


def _guessed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if _NUMBER.fullmatch(value):
        return int(value)
    if _FRACTION.fullmatch(value):
        return float(value)
    return value.lower() == "true" if value.lower() in ("true", "false") else value
