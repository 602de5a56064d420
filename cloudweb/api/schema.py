"""The OpenAPI schema: what drf-spectacular cannot know of our bodies, errors, callers and paths.

A view says its own with ``extend_schema``: bodies and answers as pydantic models (wrapped by
``cloudweb.api.answers``), and errors beyond the usual ones as ``{410: Error}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.conf import settings
from drf_spectacular.drainage import warn
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerExtension
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import (
    ComponentIdentity,
    ResolvedComponent,
    resolve_regex_path_parameter,
)
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from cloudweb.api import error_answers
from cloudweb.api.answers import Error
from cloudweb.api.auth import BrowserSession, TokenAuthentication
from cloudweb.api.once import HEADER, LONGEST
from cloudweb.api.rendering import OrjsonParser
from cloudweb.dialect import Dialect
from cloudweb.microversions import ALWAYS, versions_of_method
from cloudweb.mounts import dialect_of

JSON = "application/json"
SAFE = ("GET", "HEAD", "OPTIONS")
#: What a path's converter lets through, for those that let less than a whole segment.
CONVERTERS: dict[str, dict[str, Any]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer", "minimum": 0},
    "slug": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"},
}
SEGMENT = {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}


class Endpoints(EndpointEnumerator):
    """Every route once: those under a project's id in the URL are the bare ones again."""

    def get_api_endpoints(self, patterns: Any = None, prefix: str = "") -> list[Any]:
        """Return (path, regex, method, callback)."""
        return [
            endpoint
            for endpoint in super().get_api_endpoints(patterns, prefix)  # type: ignore[no-untyped-call]
            if "{url_project_id}" not in endpoint[0]
        ]

    def get_allowed_methods(self, callback: Any) -> list[str]:
        """Return the methods, HEAD too where a route declares it."""
        declared = getattr(callback, "actions", None) or {}
        methods: list[str] = super().get_allowed_methods(callback)  # type: ignore[no-untyped-call]
        return [*methods, "HEAD"] if "head" in declared else methods


class Generator(SchemaGenerator):
    """Draws the schema of every service."""

    endpoint_inspector_cls = Endpoints


class ServiceSchema(AutoSchema):
    """One operation of a service."""

    method_mapping = {**AutoSchema.method_mapping, "head": "check"}

    @property
    def service(self) -> str:
        """The service the path belongs to; "cloud" for what stands outside."""
        return self.dialect.service

    @property
    def dialect(self) -> Dialect:
        """How that service speaks."""
        return dialect_of(self.path)

    @property
    def action(self) -> str:
        """The view's method."""
        return str(getattr(self.view, "action", None) or self.method.lower())

    def get_tags(self) -> list[str]:
        """Return the service."""
        return [self.service]

    def get_operation_id(self) -> str:
        """Return the service, the fixed words of the path and the view's method."""
        words = re.sub(r"\{[\w-]+\}|/v\d[\d.]*(?=/)", "", self.path).split("/")
        noun = [re.sub(r"\W", "_", word).lower() for word in words if word]
        return "_".join([*noun, self.action])

    def get_summary(self) -> str:
        """Return the first line of the view's docstring."""
        return str(super().get_description()).partition("\n")[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        """Return the rest of the docstring, and at which versions the method is there."""
        rest = str(super().get_description()).partition("\n")[2].strip()
        versions = versions_of_method(getattr(self.view, self.action, None))
        return rest if versions == ALWAYS else f"{rest}\n\n{versions}".strip()

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Return the operation with the errors and headers that every one of its service has."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        if self.method == "HEAD":
            operation["operationId"] += "_head"
        has_token = any(operation.get("security", ())) and {} not in operation["security"]
        for status in error_answers.possible(
            dialect=self.dialect,
            method=self.method,
            has_token=has_token,
            has_parameters="{" in self.path,
        ):
            operation["responses"].setdefault(str(status), self._error(status))
        for status, answer in operation["responses"].items():
            self._complete(int(status), answer)
        operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def map_parsers(self) -> list[str]:
        """Return the types of bodies; ours takes JSON under any name."""
        ours = any(issubclass(one, OrjsonParser) for one in self.view.parser_classes)
        return [JSON] if ours else super().map_parsers()

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Return False: a list's model has its envelope already."""
        return False

    def _complete(self, status: int, answer: dict[str, Any]) -> None:
        if "$ref" in answer:
            return
        answer["description"] = answer.get("description") or HTTPStatus(status).phrase
        common = error_answers.headers_of(self.service)
        answer["headers"] = {**common, **answer.get("headers", {})}
        if self.method == "HEAD":
            answer.pop("content", None)

    def _error(self, status: int) -> dict[str, Any]:
        body = error_answers.answer(self.service, status)
        if self.method == "HEAD":
            return {**body, "content": {}}
        component = ResolvedComponent(
            name=f"{self.service}.{status}",
            type=ResolvedComponent.RESPONSE,
            object=Error,
            schema=body,
        )
        self.registry.register_on_missing(component)
        return component.ref

    def _get_response_for_code(
        self,
        serializer: Any,
        status_code: Any,
        media_types: Any = None,
        direction: Any = "response",
    ) -> Any:
        if serializer is Error:
            return self._error(int(status_code))
        inherited: Any = super()._get_response_for_code
        return inherited(serializer, status_code, media_types, direction)

    def _get_parameters(self) -> list[dict[str, Any]]:
        return [*super()._get_parameters(), *self._microversion_headers(), *self._once_header()]

    def _has_token(self) -> bool:
        callers: list[dict[str, Any]] = self.get_auth()
        return any(callers) and {} not in callers

    def _once_header(self) -> Iterator[dict[str, Any]]:
        if self.method == "POST" and getattr(self.view, "once", False) and self._has_token():
            yield {
                "in": "header",
                "name": HEADER,
                "description": "Sent again with the same request, within a day: the first answer again.",
                "schema": {"type": "string", "pattern": f"^[!-~]{{1,{LONGEST}}}$"},
            }

    def _microversion_headers(self) -> Iterator[dict[str, Any]]:
        versions = self.dialect.versions
        if versions is None:
            return
        number = rf"({versions.minimum.major}\.[0-9]+|latest)"
        forms = {"OpenStack-API-Version": rf"^{versions.service} {number}$"}
        if versions.legacy_header:
            forms[versions.legacy_header] = rf"^{number}$"
        for name, pattern in forms.items():
            yield {
                "in": "header",
                "name": name,
                "description": f"From {versions.minimum} to {versions.maximum}.",
                "schema": {"type": "string", "pattern": pattern},
            }

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        found = []
        for name in variables:
            named = re.search(rf"<(\w+):{name}>", self.path_regex)
            facts = CONVERTERS.get(named[1], SEGMENT) if named else SEGMENT
            matched = resolve_regex_path_parameter(self.path_regex, name)
            if matched is not None and "pattern" in matched["schema"]:
                facts = {**SEGMENT, "pattern": matched["schema"]["pattern"]}
            found.append({"in": "path", "name": name, "required": True, "schema": facts})
        return found


class Plain(GenerateJsonSchema):
    """JSON schema without a title for each attribute, which only repeats its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return False."""
        return False


class Models(OpenApiSerializerExtension):
    """Bodies and answers that are pydantic models, named by their service."""

    target_class = BaseModel
    match_subclasses = True
    priority = 1

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        """Return the name among all components."""
        return f"{auto_schema.service}.{self.target.__name__}"

    def get_identity(self, auto_schema: Any, direction: Any) -> ComponentIdentity:
        """Return what tells a model from another: its name; warn where two share one."""
        name = self.get_name(auto_schema, direction)
        known = vars(auto_schema.registry).setdefault("models", {})
        if known.setdefault(name, self.target) is not self.target:
            warn(f"two models of {auto_schema.service} are named {self.target.__name__}")
        return ComponentIdentity(name)

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """Return the model's schema; the models inside become components of their own."""
        place = f"{auto_schema.service}.{{model}}"
        whole: dict[str, Any] = self.target.model_json_schema(
            ref_template=f"#/components/schemas/{place}", schema_generator=Plain
        )
        for name, schema in whole.pop("$defs", {}).items():
            full = place.format(model=name)
            component = ResolvedComponent(
                full, ResolvedComponent.SCHEMA, schema, ComponentIdentity(full)
            )
            if component not in auto_schema.registry:
                auto_schema.registry.register(component)
            elif auto_schema.registry[component].schema not in (None, schema):
                warn(f"two models of {auto_schema.service} are named {name}")
        whole.pop("title", None)
        return whole


class TokenScheme(OpenApiAuthenticationExtension):
    """X-Auth-Token."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        """Return the header."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "X-Auth-Token",
            "description": "What POST /identity/v3/auth/tokens answers in X-Subject-Token.",
        }


class SessionScheme(OpenApiAuthenticationExtension):
    """The dashboard's session; this page's own requests carry both parts by themselves."""

    target_class = BrowserSession
    name = ["session", "csrf"]

    def get_security_requirement(self, auto_schema: Any) -> Any:
        """Return the cookie, and the header for writes."""
        names = self.name[:1] if auto_schema.method in SAFE else self.name
        return {name: [] for name in names}

    def get_security_definition(self, auto_schema: Any) -> Any:
        """Return cookie and header."""
        header = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-").title()
        return [
            {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
            {"type": "apiKey", "in": "header", "name": header},
        ]
