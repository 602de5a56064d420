"""Transfers of volumes, under the path of old and under a new one."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, ClassVar

from django.http import QueryDict
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Answer, Link, page, within
from cloudweb.api.fields import Body, LooseBool, Name, Text, parse_bool
from cloudweb.api.filters import equal, identifier
from cloudweb.api.links import resource_links
from cloudweb.api.queries import parameters
from cloudweb.api.resource import PAGING, SORTING, Resource, ResourceViewSet
from cloudweb.api.shown import Always, Form, Of, Scene, Seen
from cloudweb.api.views import empty
from cloudweb.listing import Listing
from cloudweb.microversions.volume import since
from cloudweb.times import micros
from volume.manager import TransferManager
from volume.models import Transfer


def _links(row: Transfer, scene: Scene) -> list[dict[str, str]]:
    return resource_links(scene.request, f"volume-transfers/{row.id}")


class TransferCreate(Body):
    """``transfer`` of POST."""

    volume_id: Name
    name: Text | None = None
    no_snapshots: Annotated[LooseBool, since(55)] = False


class TransferAccept(Body):
    """``accept`` of POST …/accept."""

    auth_key: Annotated[str, Field(min_length=1, max_length=255)]


class TransferBrief(Answer):
    """A transfer as lists have it."""

    id: Annotated[str, Form(str)]
    name: str | None
    volume_id: Annotated[str, Form(str)]
    links: Annotated[list[Link], Seen(_links)]


class TransferShown(TransferBrief):
    """A transfer; whoever accepted it ended it, so of one that is there that is nobody."""

    created_at: Annotated[str, Form(micros)]
    source_project_id: Annotated[str, Of("project_id"), since(57)]
    destination_project_id: Annotated[None, Always(None), since(57)]
    accepted: Annotated[bool, Always(False), since(57)]
    no_snapshots: Annotated[bool, Of(lambda row: not row.with_snapshots), since(55)]


class TransferMade(TransferShown):
    """A new one, with the key that is told this once."""

    auth_key: str


TRANSFER = Resource(
    "transfer",
    "transfers",
    TransferBrief,
    filters={
        "id": identifier("id"),
        "name": equal("name"),
        "volume_id": identifier("volume"),
        "source_project_id": equal("project_id"),
    },
    sort_keys={"created_at": "created_at", "id": "id", "name": "name"},
    order=("-created_at", "-id"),
)
#: Where snapshots go along.
ALONG = since(55)
#: Where lists come in pages, sorted and filtered.
PAGES = since(59)
PARAMETERS = parameters("all_tenants", *PAGING, "sort", *SORTING, *TRANSFER.filters)


class TransferViewSet(ResourceViewSet):
    """Transfers, under the path of old."""

    manager: ClassVar[type[TransferManager]] = TransferManager
    resource = TRANSFER
    called = "legacy_transfers"

    @extend_schema(parameters=PARAMETERS, responses={200: page("transfers", TransferBrief)})
    def list(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return what the project offers."""
        return self.page_of(self._read())

    @extend_schema(parameters=PARAMETERS, responses={200: page("transfers", TransferShown)})
    def list_detail(self, request: Request) -> Response:
        """Return what the project offers, whole."""
        asked = self.listing(request.query_params)
        found = self._read()(asked)
        rows = self.shown_all(TransferShown, found.rows)
        return Response({"transfers": rows, **self._links(asked, found)})

    @extend_schema(
        request=within("transfer", TransferCreate),
        responses={202: within("transfer", TransferMade)},
    )
    def create(self, request: Request, *_: Any, **path: Any) -> Response:
        """Offer a volume; the answer tells the key, this once (202)."""
        said = self.validated(TransferCreate, self.body("transfer"))
        made, key = self.manager(self.context).create(
            volume_id=said.volume_id,
            name=said.name,
            with_snapshots=self._go_along() and not said.no_snapshots,
            encrypted=self.version in since(70),
        )
        shown = {**self.shown(TransferShown, made), "auth_key": key}
        return Response({"transfer": shown}, status=202)

    @extend_schema(responses={200: within("transfer", TransferShown)})
    def retrieve(self, request: Request, *_: Any, **path: Any) -> Response:
        """Return a transfer."""
        row = self.manager(self.context).find(path["transfer_id"])
        return Response({"transfer": self.shown(TransferShown, row)})

    @extend_schema(responses={202: None})
    def destroy(self, request: Request, *_: Any, **path: Any) -> Response:
        """Offer a volume no longer (202)."""
        self.manager(self.context).withdraw(path["transfer_id"])
        return empty(202)

    @extend_schema(
        request=within("accept", TransferAccept),
        responses={202: within("transfer", TransferBrief)},
    )
    def accept(self, request: Request, transfer_id: str) -> Response:
        """Take a volume that somebody offers into the project (202)."""
        said = self.validated(TransferAccept, self.body("accept"))
        row = self.manager(self.context).accept(transfer_id, key=said.auth_key)
        return Response({"transfer": self.shown(TransferBrief, row)}, status=202)

    def listing(self, query: QueryDict) -> Listing:
        """Return what the query asks for; the first versions were asked for everything."""
        return super().listing(query if self.version in PAGES else QueryDict())

    def _go_along(self) -> bool:
        return self.version in ALONG

    def _read(self) -> Any:
        said = self.request.query_params.get("all_tenants")
        everywhere = parse_bool(said, field="all_tenants") and self.context.is_admin
        return partial(self.manager(self.context).list, all_projects=bool(everywhere))


class NewTransferViewSet(TransferViewSet):
    """The same under the new path: it came with 3.55, but is there at every version, as Cinder has it."""

    called = "transfers"

    def _go_along(self) -> bool:
        return True
