"""What an answer shows of a row, declared once: the fields of its model render and describe it.

A field shows the row's attribute of its name, unless it says otherwise:

    id: Annotated[str, Form(str)]
    tenant_id: Annotated[str, Of("project_id")]
    stateful: Annotated[bool, Always(True)]
    links: Annotated[SelfLink, Seen(lambda row, scene: {"self": scene.url(f"things/{row.pk}")})]

``Of`` takes a function of the row too. What only some callers see says ``When``, what only some rows have
``Filled`` or ``Only``; all these have a default in the model, because the schema then knows that they may
be left out. What some versions lack says ``since`` or ``until``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from operator import attrgetter
from typing import Any, NamedTuple

from django.http import HttpRequest

from cloudweb.api.answers import Answer
from cloudweb.api.links import base_url
from cloudweb.api.versioned import absent
from cloudweb.context import RequestContext
from cloudweb.microversions import Microversion, Versions
from cloudweb.mounts import dialect_of
from cloudweb.policy import allows

Row = Any
Render = Callable[[Row], dict[str, Any]]


class Scene:
    """To whom, under which address and at which version rows are shown."""

    def __init__(
        self,
        request: HttpRequest,
        *,
        context: RequestContext | None = None,
        version: Microversion | None = None,
    ) -> None:
        self.request, self.context, self.version = request, context, version
        self._may: dict[str, bool] = {}

    def at(self, versions: Versions) -> bool:
        """Tell whether the request's version is one of these."""
        return self.version is not None and self.version in versions

    @cached_property
    def base(self) -> str:
        """The cloud's own address, as the client sees it."""
        return base_url(self.request)

    @cached_property
    def _root(self) -> str:
        return dialect_of(self.request.path).root(self.base)

    def url(self, path: str) -> str:
        """Return the absolute URL of a path under the service's version."""
        return f"{self._root}/{path}"

    def may(self, policy: str) -> bool:
        """Tell whether a policy allows the caller something; asked once however many rows there are."""
        if policy not in self._may:
            self._may[policy] = self.context is not None and allows(self.context, policy)
        return self._may[policy]


@dataclass(frozen=True, slots=True)
class Of:
    """Show another attribute (``a.b`` too), or what a function makes of the row."""

    source: str | Callable[[Row], Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """Show what a function makes of the row and the scene."""

    read: Callable[[Row, Scene], Any]


@dataclass(frozen=True, slots=True)
class Form:
    """Show the attribute in this form."""

    make: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Always:
    """Show the same for every row."""

    value: Any


@dataclass(frozen=True, slots=True)
class When:
    """Show it only where this holds."""

    holds: Callable[[Scene], bool]


@dataclass(frozen=True, slots=True)
class Filled:
    """Show it only of rows where there is something to show."""


@dataclass(frozen=True, slots=True)
class Only:
    """Show it only of rows of which this holds."""

    holds: Callable[[Row], bool]


class _Part(NamedTuple):
    key: str
    source: Of
    seen: Seen | None
    form: Form | None
    always: Always | None
    conditions: tuple[Callable[[Scene], bool], ...]
    filled: bool
    only: Only | None


@cache
def _parts(answer: type[Answer]) -> tuple[_Part, ...]:
    return tuple(_part(name, field) for name, field in answer.model_fields.items())


def _part(name: str, field: Any) -> _Part:
    said: dict[type, Any] = {type(one): one for one in field.metadata}
    return _Part(
        key=field.serialization_alias or field.alias or name,
        source=said.get(Of, Of(name)),
        seen=said.get(Seen),
        form=said.get(Form),
        always=said.get(Always),
        conditions=tuple(one.holds for one in field.metadata if isinstance(one, When)),
        filled=Filled in said,
        only=said.get(Only),
    )


def renderer(answer: type[Answer], scene: Scene, *, only: Collection[str] = ()) -> Render:
    """Return the function that renders rows of a list, decided once what is shown in this scene.

    ``only``: the keys that the client wants; all without any.
    """
    lacking = absent(answer, scene.version) if scene.version else ()
    parts = [
        part
        for part in _parts(answer)
        if (not only or part.key in only)
        and part.key not in lacking
        and all(holds(scene) for holds in part.conditions)
    ]
    blank = {part.key: part.always.value if part.always else None for part in parts}
    rest = [part for part in parts if not part.always]
    columns = [part for part in rest if not part.seen and isinstance(part.source.source, str)]
    keys = [part.key for part in columns]
    read = _reader([str(part.source.source) for part in columns])
    forms = [(part.key, part.form.make) for part in columns if part.form]
    made = [(part.key, _made(part)) for part in rest if part not in columns and not part.seen]
    seen = [(part.key, part.seen.read) for part in rest if part.seen]
    sparse = [part.key for part in parts if part.filled]
    tests = [(part.key, part.only.holds) for part in parts if part.only]
    invented = attrgetter(answer.INVENTED) if answer.INVENTED and not only else None

    def render(row: Row) -> dict[str, Any]:
        body = blank.copy()
        body.update(zip(keys, read(row), strict=True))
        for key, form in forms:
            body[key] = form(body[key])
        for key, make in made:
            body[key] = make(row)
        for key, look in seen:
            body[key] = look(row, scene)
        for key, holds in tests:
            if not holds(row):
                del body[key]
        for key in sparse:
            if not body[key]:
                del body[key]
        return {**invented(row), **body} if invented else body

    return render


def shown(answer: type[Answer], rows: Iterable[Row], scene: Scene) -> list[dict[str, Any]]:
    """Render rows, also those that lie within another one's answer."""
    return [*map(renderer(answer, scene), rows)]


def _made(part: _Part) -> Render:
    make, form = part.source.source, part.form
    assert callable(make)
    return make if form is None else lambda row: form.make(make(row))


def _reader(names: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    """Return the function that reads attributes at once."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda row: tuple(attrgetter(name)(row) for name in names)
