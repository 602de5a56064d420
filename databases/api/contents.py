"""What is inside a database: databases, users, access, root, logs."""

from __future__ import annotations

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cloudweb.api.answers import Link, listing, within
from cloudweb.api.page_links import links_after
from cloudweb.api.pagination import parse_limit
from cloudweb.api.queries import parameters
from cloudweb.api.views import ServiceViewSet, empty
from cloudweb.exceptions import BadRequest
from cloudweb.listing import Page
from databases import objects
from databases.api.serializers import contents as wire
from databases.manager import ContentsManager

PAGING = parameters("limit", "marker")
BESIDE = {"links": list[Link] | None}


class ContentsViewSet(ServiceViewSet):
    """All of it is asked of the guest: nothing is done twice by asking again, so no answer is kept."""

    manager: ClassVar[type[ContentsManager]] = ContentsManager
    once = False

    def _asked(self) -> dict[str, Any]:
        query = self.request.query_params
        limit = parse_limit(query.get("limit"), default=20)
        return {"limit": max(1, limit), "marker": query.get("marker") or ""}

    def _page(self, plural: str, answer: Any, page: Page[Any]) -> Response:
        rows = self.shown_all(answer, page.rows)
        return Response({plural: rows, **links_after(self.request, plural, page, "name")})


class DatabaseViewSet(ContentsViewSet):
    """The databases of an instance."""

    @extend_schema(
        operation_id="instance_databases_list",
        parameters=PAGING,
        responses={200: listing("databases", wire.DatabaseShown, **BESIDE)},
    )
    def list(self, request: Request, instance_id: str) -> Response:
        """List them."""
        page = self.manager(self.context).databases(instance_id, **self._asked())
        return self._page("databases", wire.DatabaseShown, page)

    @extend_schema(
        operation_id="instance_databases_create",
        request=wire.DatabasesCreate,
        responses={202: None},
    )
    def create(self, request: Request, instance_id: str) -> Response:
        """Make some."""
        said = self.validated(wire.DatabasesCreate)
        wanted = [one.wanted() for one in said.databases]
        self.manager(self.context).create_databases(instance_id, wanted)
        return empty(202)

    @extend_schema(operation_id="instance_databases_delete", responses={202: None})
    def destroy(self, request: Request, instance_id: str, name: str) -> Response:
        """Remove one."""
        self.manager(self.context).delete_database(instance_id, name)
        return empty(202)


def _who(user: str) -> tuple[str, str]:
    """Return name and host of a user in a path."""
    name, at, host = user.rpartition("@")
    return (name, host) if at else (user, "%")


class DatabaseUserViewSet(ContentsViewSet):
    """The users of an instance."""

    @extend_schema(
        operation_id="instance_users_list",
        parameters=PAGING,
        responses={200: listing("users", wire.UserShown, **BESIDE)},
    )
    def list(self, request: Request, instance_id: str) -> Response:
        """List them."""
        page = self.manager(self.context).users(instance_id, **self._asked())
        return self._page("users", wire.UserShown, page)

    @extend_schema(
        operation_id="instance_users_create", request=wire.UsersCreate, responses={202: None}
    )
    def create(self, request: Request, instance_id: str) -> Response:
        """Make some."""
        wanted = [one.wanted() for one in self.validated(wire.UsersCreate).users]
        self.manager(self.context).create_users(instance_id, wanted)
        return empty(202)

    @extend_schema(
        operation_id="instance_users_passwords",
        request=wire.PasswordsUpdate,
        responses={202: None},
    )
    def update_passwords(self, request: Request, instance_id: str) -> Response:
        """Give some new passwords."""
        manager = self.manager(self.context)
        for one in self.validated(wire.PasswordsUpdate).users:
            manager.update_user(instance_id, one.name, one.host or "%", new_password=one.password)
        return empty(202)

    @extend_schema(
        operation_id="instance_users_get", responses={200: within("user", wire.UserShown)}
    )
    def retrieve(self, request: Request, instance_id: str, user: str) -> Response:
        """Show one."""
        row: objects.User = self.manager(self.context).user(instance_id, *_who(user))
        return Response({"user": self.shown(wire.UserShown, row)})

    @extend_schema(
        operation_id="instance_users_update",
        request=within("user", wire.UserUpdate),
        responses={202: None},
    )
    def update(self, request: Request, instance_id: str, user: str) -> Response:
        """Change one."""
        said = self.validated(wire.UserUpdate, self.body("user"))
        name, host = _who(user)
        self.manager(self.context).update_user(
            instance_id,
            name,
            host,
            new_name=said.name,
            new_host=said.host,
            new_password=said.password,
        )
        return empty(202)

    @extend_schema(operation_id="instance_users_delete", responses={202: None})
    def destroy(self, request: Request, instance_id: str, user: str) -> Response:
        """Remove one."""
        self.manager(self.context).delete_user(instance_id, *_who(user))
        return empty(202)

    @extend_schema(
        operation_id="instance_users_access",
        responses={200: listing("databases", wire.DatabaseNamed)},
    )
    def list_access(self, request: Request, instance_id: str, user: str) -> Response:
        """List the databases that one may use."""
        found = self.manager(self.context).access(instance_id, *_who(user))
        return Response({"databases": [{"name": one} for one in found]})

    @extend_schema(operation_id="instance_users_grant", request=wire.Grants, responses={202: None})
    def grant(self, request: Request, instance_id: str, user: str) -> Response:
        """Let one use more."""
        names = [one.name for one in self.validated(wire.Grants).databases]
        self.manager(self.context).grant(instance_id, *_who(user), names)
        return empty(202)

    @extend_schema(operation_id="instance_users_revoke", responses={202: None})
    def revoke(self, request: Request, instance_id: str, user: str, database: str) -> Response:
        """Let one use a database no longer."""
        self.manager(self.context).revoke(instance_id, *_who(user), database)
        return empty(202)


class RootViewSet(ContentsViewSet):
    """Root."""

    @extend_schema(operation_id="instance_root_get", responses={200: wire.RootEnabled})
    def retrieve(self, request: Request, instance_id: str) -> Response:
        """Tell whether root was ever let in from outside."""
        enabled = self.manager(self.context).is_root_enabled(instance_id)
        return Response({"rootEnabled": enabled})

    @extend_schema(
        operation_id="instance_root_enable",
        request=wire.RootCreate,
        responses={200: within("user", wire.RootUser)},
    )
    def create(self, request: Request, instance_id: str) -> Response:
        """Let root in; the answer alone holds the password."""
        said = self.validated(wire.RootCreate, request.data or {})
        name, password = self.manager(self.context).enable_root(instance_id, said.password)
        return Response({"user": {"name": name, "password": password}})

    @extend_schema(operation_id="instance_root_disable", responses={204: None})
    def destroy(self, request: Request, instance_id: str) -> Response:
        """Let root in no more."""
        self.manager(self.context).disable_root(instance_id)
        return empty(204)


def _log(row: objects.LogText) -> dict[str, Any]:
    return {
        "name": row.name,
        "type": "SYS",
        "status": "Ready" if row.size else "Unavailable",
        "published": 0,
        "pending": row.size,
        "container": None,
        "prefix": None,
        "metafile": None,
        "tail": row.text,
    }


class LogViewSet(ContentsViewSet):
    """The logs of an instance."""

    @extend_schema(
        operation_id="instance_logs_list", responses={200: listing("logs", wire.LogShown)}
    )
    def list(self, request: Request, instance_id: str) -> Response:
        """List them with their last lines."""
        return Response({"logs": [*map(_log, self.manager(self.context).logs(instance_id))]})

    @extend_schema(
        operation_id="instance_logs_show",
        request=wire.LogAsked,
        responses={200: within("log", wire.LogShown)},
    )
    def show(self, request: Request, instance_id: str) -> Response:
        """Show one; raise BadRequest for what needs an object store."""
        said = self.validated(wire.LogAsked)
        if said.enable or said.disable or said.publish or said.discard:
            raise BadRequest(
                "This cloud has no object store to publish logs to; a log that is shown has its last lines."
            )
        return Response({"log": _log(self.manager(self.context).log(instance_id, said.name))})
