"""Datastores, versions, what may be set of them, and their flavors."""

from __future__ import annotations

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import listing, within
from cloudweb.api.views import ServiceViewSet, empty
from databases.api.serializers import datastores as wire
from databases.api.serializers.flavors import FlavorShown
from databases.manager import DatabaseFlavorManager, DatastoreManager

VERSION = within("version", wire.VersionShown)
FLAVORS = listing("flavors", FlavorShown)
PARAMETERS = listing("configuration-parameters", wire.ParameterShown)


class DatastoreViewSet(ServiceViewSet):
    """The kinds of databases there are."""

    manager: ClassVar[type[DatastoreManager]] = DatastoreManager

    @extend_schema(
        operation_id="datastores_list", responses={200: listing("datastores", wire.DatastoreShown)}
    )
    def list(self, request: Request) -> Response:
        """List datastores with their versions."""
        rows = self.manager(self.context).list()
        return Response({"datastores": self.shown_all(wire.DatastoreShown, rows)})

    @extend_schema(
        operation_id="datastores_get", responses={200: within("datastore", wire.DatastoreShown)}
    )
    def retrieve(self, request: Request, datastore: str) -> Response:
        """Show a datastore, by id or name."""
        row = self.manager(self.context).get(datastore)
        return Response({"datastore": self.shown(wire.DatastoreShown, row)})

    @extend_schema(operation_id="datastores_delete", responses={202: None})
    def destroy(self, request: Request, datastore: str) -> Response:
        """Remove a datastore that has no versions."""
        self.manager(self.context).delete(datastore)
        return empty(202)


class DatastoreVersionViewSet(ServiceViewSet):
    """Their versions."""

    manager: ClassVar[type[DatastoreManager]] = DatastoreManager

    @extend_schema(
        operation_id="datastore_versions_list",
        responses={200: listing("versions", wire.VersionShown)},
    )
    def list(self, request: Request, datastore: str) -> Response:
        """List the versions of a datastore."""
        rows = self.manager(self.context).versions(datastore)
        return Response({"versions": self.shown_all(wire.VersionShown, rows)})

    @extend_schema(operation_id="datastore_versions_get", responses={200: VERSION})
    def retrieve(self, request: Request, version: str, datastore: str | None = None) -> Response:
        """Show a version, by id, or by name if its datastore is named."""
        row = self.manager(self.context).version(version, datastore)
        return Response({"version": self.shown(wire.VersionShown, row)})

    @extend_schema(operation_id="datastore_parameters_list", responses={200: PARAMETERS})
    def list_parameters(
        self, request: Request, version: str, datastore: str | None = None
    ) -> Response:
        """List what may be set of a version."""
        manager = self.manager(self.context)
        rows = manager.parameters(manager.version(version, datastore))
        return Response({"configuration-parameters": self.shown_all(wire.ParameterShown, rows)})

    @extend_schema(operation_id="datastore_parameters_get", responses={200: wire.ParameterShown})
    def retrieve_parameter(
        self, request: Request, version: str, name: str, datastore: str | None = None
    ) -> Response:
        """Show one of them."""
        manager = self.manager(self.context)
        row = manager.parameter(manager.version(version, datastore), name)
        return Response(self.shown(wire.ParameterShown, row))

    @extend_schema(operation_id="datastore_version_flavors", responses={200: FLAVORS})
    def list_flavors(self, request: Request, datastore: str, version: str) -> Response:
        """List the flavors that fit a version."""
        self.manager(self.context).version(version, datastore)
        rows = DatabaseFlavorManager(self.context).list()
        return Response({"flavors": self.shown_all(FlavorShown, rows)})


class AnyVersionViewSet(DatastoreVersionViewSet):
    """The same by ids of versions alone."""

    @extend_schema(operation_id="any_datastore_versions_get", responses={200: VERSION})
    def retrieve(self, request: Request, version: str, datastore: str | None = None) -> Response:
        """Show a version."""
        return super().retrieve(request, version)

    @extend_schema(operation_id="any_datastore_parameters_list", responses={200: PARAMETERS})
    def list_parameters(
        self, request: Request, version: str, datastore: str | None = None
    ) -> Response:
        """List what may be set of it."""
        return super().list_parameters(request, version)

    @extend_schema(
        operation_id="any_datastore_parameters_get", responses={200: wire.ParameterShown}
    )
    def retrieve_parameter(
        self, request: Request, version: str, name: str, datastore: str | None = None
    ) -> Response:
        """Show one of that."""
        return super().retrieve_parameter(request, version, name)


class ManagedVersionViewSet(DatastoreVersionViewSet):
    """What may be set of versions, where operators' clients look for it."""

    @extend_schema(operation_id="mgmt_datastore_parameters_list", responses={200: PARAMETERS})
    def list_parameters(
        self, request: Request, version: str, datastore: str | None = None
    ) -> Response:
        """List what may be set of a version, by its id."""
        return super().list_parameters(request, version)

    @extend_schema(
        operation_id="mgmt_datastore_parameters_get", responses={200: wire.ParameterShown}
    )
    def retrieve_parameter(
        self, request: Request, version: str, name: str, datastore: str | None = None
    ) -> Response:
        """Show one of them, by the version's id."""
        return super().retrieve_parameter(request, version, name)


class OfferedVersionViewSet(ServiceViewSet):
    """What operators offer."""

    manager: ClassVar[type[DatastoreManager]] = DatastoreManager

    @extend_schema(
        operation_id="mgmt_datastore_versions_list",
        responses={200: listing("versions", wire.VersionShown)},
    )
    def list(self, request: Request) -> Response:
        """List the versions of all datastores."""
        rows = self.manager(self.context).offered()
        return Response({"versions": self.shown_all(wire.VersionShown, rows)})

    @extend_schema(operation_id="mgmt_datastore_versions_get", responses={200: VERSION})
    def retrieve(self, request: Request, version: str) -> Response:
        """Show one."""
        row = self.manager(self.context).offered_version(version)
        return Response({"version": self.shown(wire.VersionShown, row)})

    @extend_schema(
        operation_id="mgmt_datastore_versions_create",
        request=within("version", wire.VersionCreate),
        responses={202: None},
    )
    def create(self, request: Request) -> Response:
        """Offer another; troveclient fails where the answer has a body."""
        wanted = self.validated(wire.VersionCreate, self.body("version"))
        self.manager(self.context).create_version(**wanted.said())
        return empty(202)

    @extend_schema(
        operation_id="mgmt_datastore_versions_update",
        request=wire.VersionUpdate,
        responses={202: None},
    )
    def update(self, request: Request, version: str) -> Response:
        """Change one."""
        changes = self.validated(wire.VersionUpdate).said()
        self.manager(self.context).update_version(version, **changes)
        return empty(202)

    @extend_schema(operation_id="mgmt_datastore_versions_delete", responses={202: None})
    def destroy(self, request: Request, version: str) -> Response:
        """Offer one no longer."""
        self.manager(self.context).delete_version(version)
        return empty(202)
