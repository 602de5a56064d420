"""The base of every REST view: about ten lines each remain for validate, call, render."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, TypeVar

from django.http import HttpRequest, QueryDict
from pydantic import BaseModel, ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSetMixin

from cloudweb.api.answers import Answer
from cloudweb.api.once import answered_once, key_of
from cloudweb.api.shown import Scene, renderer, shown
from cloudweb.api.xml import JsonOrXml, XmlParser, XmlRenderer
from cloudweb.context import RequestContext
from cloudweb.dialect import Dialect
from cloudweb.exceptions import BadRequest, InvalidInput, NotFound
from cloudweb.manager import Manager
from cloudweb.microversions import OUTSIDE, Microversion, Versions, versions_of_method
from cloudweb.mounts import dialect_of

B = TypeVar("B", bound=BaseModel)
#: What a service without microversions passes for.
LOWEST = Microversion(2, 1)


class ServiceViewSet(ViewSetMixin, APIView):
    """A resource of one service. ``manager`` is the class that does all the work."""

    manager: ClassVar[type[Manager]]
    #: A POST with an Idempotency-Key is done once (cloudweb/api/once.py); False where it makes nothing.
    once: ClassVar[bool] = True
    _url_project_id: str | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, compare a project id in the URL with the token's (contract 1.4), look at the version."""
        super().initial(request, *args, **kwargs)
        in_url = self._url_project_id
        if in_url is not None and isinstance(request.auth, RequestContext):
            own = request.auth.project_id
            if in_url.replace("-", "") != (own or "").replace("-", ""):
                raise BadRequest(
                    f"Malformed request URL: URL's project_id '{in_url}' doesn't match Context's project_id '{own}'"
                )
        if self.version not in versions_of_method(getattr(self, self.action or "", None)):
            raise NotFound
        if request.method == "POST" and self.once and isinstance(request.auth, RequestContext):
            key = key_of(request)
            if key is not None:
                handler = getattr(self, "post", self.http_method_not_allowed)
                self.post = partial(answered_once, handler, key, self.version)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Keep the URL's project id out of the handlers' arguments."""
        self._url_project_id = kwargs.pop("url_project_id", None)
        return super().dispatch(request, *args, **kwargs)

    @property
    def context(self) -> RequestContext:
        """The caller."""
        auth = self.request.auth
        assert isinstance(auth, RequestContext)
        return auth

    @property
    def scene(self) -> Scene:
        """To whom and where rows are shown."""
        return Scene(self.request._request, context=self.context, version=self.version)

    def shown(self, answer: type[Answer], row: Any) -> dict[str, Any]:
        """Return what an answer shows of a row to this caller."""
        return renderer(answer, self.scene)(row)

    def shown_all(self, answer: type[Answer], rows: Iterable[Any]) -> list[dict[str, Any]]:
        """Return the same of several rows."""
        return shown(answer, rows, self.scene)

    def get_parsers(self) -> list[BaseParser]:
        """Read XML too where the service speaks it; the schema describes the JSON that it stands for."""
        found: list[BaseParser] = super().get_parsers()
        return [*found, XmlParser()] if self._speaks_xml() else found

    def get_renderers(self) -> list[BaseRenderer]:
        """Write XML too where the service speaks it."""
        found: list[BaseRenderer] = super().get_renderers()
        return [*found, XmlRenderer()] if self._speaks_xml() else found

    def get_content_negotiator(self) -> BaseContentNegotiation:
        """Look at what the client takes where the service speaks XML."""
        return JsonOrXml() if self._speaks_xml() else super().get_content_negotiator()

    def _speaks_xml(self) -> bool:
        is_asked = not getattr(self, "swagger_fake_view", False)
        return is_asked and self.dialect.speaks_xml

    @property
    def dialect(self) -> Dialect:
        """How the service of this request speaks."""
        return dialect_of(self.request.path)

    @property
    def version(self) -> Microversion:
        """The request's microversion (2.1 where a service has none)."""
        return getattr(self.request._request, "microversion", LOWEST)

    def query(self, known: Mapping[str, Versions], *, strict: Versions) -> QueryDict:
        """Return the parameters that the call knows at this version, by the versions that have them.

        The rest is refused at versions that are strict about it, else ignored.
        """
        given = self.request.query_params.copy()
        for name in sorted(given):
            if name in known and self.version in known[name]:
                continue
            if self.version in strict:
                raise InvalidInput(
                    field=name[:64],
                    value=given[name],
                    reason="Additional properties are not allowed.",
                )
            del given[name]
        return given

    def body(self, envelope: str) -> Mapping[str, Any]:
        """Return what the body holds under its envelope; raise BadRequest if there is no such object."""
        data = self.request.data
        if not isinstance(data, Mapping) or not isinstance(data.get(envelope), Mapping):
            raise BadRequest(
                f"Malformed request body: it must be an object with the key '{envelope}'."
            )
        return data[envelope]  # type: ignore[no-any-return]

    def require(self, body: Mapping[str, Any], *keys: str) -> None:
        """Raise InvalidInput for a key the body lacks (or that is null)."""
        for key in keys:
            if body.get(key) is None:
                raise InvalidInput(field=key, value=None, reason=f"'{key}' is a required property.")

    def validated(self, model: type[B], data: Any = None) -> B:
        """Return the body (or ``data``) as this model; raise InvalidInput naming the first wrong field."""
        return validate(model, self.request.data if data is None else data, version=self.version)


def validate(model: type[B], data: Any, *, version: Microversion | None = None) -> B:
    """Check data against a pydantic model in the words the OpenStack services use.

    A field that the version does not have is refused like one that no version has.
    """
    if not isinstance(data, Mapping):
        raise BadRequest("Malformed request body.")
    try:
        return model.model_validate(data, context={"version": version})
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        first = next((one for one in found if one["type"] == OUTSIDE), found[0])
        field = ".".join(str(part) for part in first["loc"]) or "body"
        if first["type"] in ("extra_forbidden", OUTSIDE):
            raise InvalidInput(
                field=field, value=None, reason="Additional properties are not allowed."
            ) from error
        raise InvalidInput(
            field=field, value=first.get("input"), reason=f"{first['msg']}."
        ) from error


def empty(status: int) -> Response:
    """Return an answer with really no body (202, 204)."""
    response = Response(None, status=status)
    response.headers["Content-Length"] = "0"
    return response
