"""Datastores and their versions: what tenants choose from, and what operators offer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from cloudweb.database.clock import now
from cloudweb.exceptions import BadRequest
from cloudweb.identifiers import as_uuid
from cloudweb.manager import Manager
from cloudweb.policy import allows, policy
from databases.bootstrap import give_parameters, parameters_of
from databases.exceptions import (
    DatastoreExists,
    DatastoreInUse,
    DatastoreNotFound,
    DatastoreVersionInactive,
    DatastoreVersionNotFound,
    ParameterNotFound,
)
from databases.guest.drivers import DRIVERS
from databases.models import (
    Backup,
    Configuration,
    ConfigurationParameter,
    DatabaseInstance,
    Datastore,
    DatastoreVersion,
)
from image.manager import ImageManager
from image.sharing import COMMUNITY, PUBLIC

CHANGEABLE = ("manager", "image_id", "image_tags", "packages", "active", "name")


def _named(name_or_id: str) -> Q:
    """Return the condition on a row that has this id or this name."""
    key = as_uuid(name_or_id)
    return Q(name=name_or_id) | (Q(id=key) if key else Q(pk__in=()))


class DatastoreManager(Manager):
    """Versions that are not active are there for operators alone."""

    @policy("database:datastores:list")
    def list(self) -> Sequence[Datastore]:
        """Return every datastore, with its versions."""
        rows = Datastore.objects.select_related("default_version")
        return list(rows.prefetch_related("versions"))

    @policy("database:datastores:get")
    def get(self, datastore: str) -> Datastore:
        """Return one by id or name; raise DatastoreNotFound."""
        row = Datastore.objects.filter(_named(datastore)).prefetch_related("versions").first()
        if row is None:
            raise DatastoreNotFound(datastore)
        return row

    @policy("database:datastores:list")
    def versions(self, datastore: str) -> Sequence[DatastoreVersion]:
        """Return the versions of a datastore; raise DatastoreNotFound."""
        rows = self._rows().filter(datastore=self.get(datastore))
        return list(rows.order_by("created_at", "id"))

    @policy("database:datastores:get")
    def version(self, version: str, datastore: str | None = None) -> DatastoreVersion:
        """Return a version by id or, of a datastore that is named, by name, too.

        Raises DatastoreNotFound, DatastoreVersionNotFound.
        """
        if datastore is None:
            key = as_uuid(version)
            rows = self._rows().filter(id=key) if key else self._rows().none()
        else:
            rows = self._rows().filter(_named(version), datastore=self.get(datastore))
        row = rows.first()
        if row is None:
            raise DatastoreVersionNotFound(version)
        return row

    @policy("database:datastores:get")
    def chosen(
        self, datastore: str | None, version: str | None, number: str | None = None
    ) -> DatastoreVersion:
        """Return the version that a body means, else a datastore's default; raise BadRequest for none."""
        if datastore is None:
            if version is None:
                raise BadRequest("Datastore is not specified.")
            row = self.version(version)
        elif version is not None or number is not None:
            rows = self._rows().filter(datastore=self.get(datastore)).order_by("-created_at")
            named = rows.filter(_named(version) if version else Q(number=number)).first()
            if named is None:
                raise DatastoreVersionNotFound(version or number)
            row = named
        else:
            default = self.get(datastore).default_version
            if default is None:
                raise BadRequest(f"There is no default version of datastore '{datastore}'.")
            row = default
        if not row.active:
            raise DatastoreVersionInactive(row.name)
        return row

    @policy("database:datastores:list")
    def upgrades(self, version: DatastoreVersion) -> Sequence[DatastoreVersion]:
        """Return the versions that can serve the data of one: of its release and not older, the newest first."""
        rows = DatastoreVersion.objects.filter(
            datastore_id=version.datastore_id, manager=version.manager, active=True
        ).exclude(id=version.id)
        kind, now = DRIVERS.get(version.manager), _numbers(version)
        parts = kind.release_parts if kind else len(now)
        fit = [
            one
            for one in rows
            if now and _numbers(one)[:parts] == now[:parts] and _numbers(one) >= now
        ]
        return sorted(fit, key=_numbers, reverse=True)

    @policy("database:datastores:see_all")
    def offered(self) -> Sequence[DatastoreVersion]:
        """Return the versions of all datastores, for operators."""
        return list(self._rows().order_by("datastore__name", "created_at", "id"))

    @policy("database:datastores:see_all")
    def offered_version(self, version: str) -> DatastoreVersion:
        """Return one of them by id; raise DatastoreVersionNotFound."""
        return self.version(version)

    @policy("database:datastores:list")
    def parameters(self, version: DatastoreVersion) -> Sequence[ConfigurationParameter]:
        """Return what may be set of a version."""
        return list(ConfigurationParameter.objects.filter(version=version).order_by("name"))

    @policy("database:datastores:get")
    def parameter(self, version: DatastoreVersion, name: str) -> ConfigurationParameter:
        """Return one of them; raise ParameterNotFound."""
        row = ConfigurationParameter.objects.filter(version=version, name=name).first()
        if row is None:
            raise ParameterNotFound(name)
        return row

    @policy("database:datastores:create")
    def create_version(
        self,
        *,
        datastore_name: str,
        manager: str,
        name: str,
        number: str = "",
        image_id: UUID | None = None,
        image_tags: Sequence[str] = (),
        packages: Sequence[str] = (),
        active: bool = True,
        default: bool = False,
    ) -> DatastoreVersion:
        """Offer another version, and its datastore if that is new.

        Raises DatastoreExists, BadRequest for a driver that no guest has or an image that not all may use,
        ImageNotFound.
        """
        parameters = parameters_of(manager)
        if not parameters:
            raise BadRequest(f"There is no guest agent for the datastore manager '{manager}'.")
        self._check_image(image_id, image_tags)
        with transaction.atomic():
            datastore, _ = Datastore.objects.get_or_create(name=datastore_name)
            try:
                with transaction.atomic():
                    row = DatastoreVersion.objects.create(
                        datastore=datastore,
                        name=name,
                        manager=manager,
                        number=number or name,
                        image_id=image_id,
                        image_tags=list(image_tags),
                        packages=list(packages),
                        active=active,
                    )
            except IntegrityError as error:
                raise DatastoreExists(name) from error
            give_parameters(row, parameters)
            if default:
                Datastore.objects.filter(id=datastore.id).update(default_version=row)
        return row

    @policy("database:datastores:update")
    def update_version(self, version: str, /, **changes: Any) -> DatastoreVersion:
        """Change how a version's servers are made, and whether it is offered or the default."""
        row = self.version(version)
        default = changes.pop("default", None)
        assert changes.keys() <= set(CHANGEABLE)
        if "manager" in changes and not parameters_of(changes["manager"]):
            raise BadRequest(
                f"There is no guest agent for the datastore manager '{changes['manager']}'."
            )
        if "image_id" in changes or "image_tags" in changes:
            self._check_image(
                changes.get("image_id", row.image_id), changes.get("image_tags", row.image_tags)
            )
        with transaction.atomic():
            rows = DatastoreVersion.objects.filter(id=row.id)
            try:
                with transaction.atomic():
                    rows.update(updated_at=now(), **changes)
            except IntegrityError as error:
                raise DatastoreExists(changes["name"]) from error
            of = Datastore.objects.filter(id=row.datastore_id)
            if default:
                of.update(default_version=row)
            elif default is False:
                of.filter(default_version=row).update(default_version=None)
        return self.version(version)

    @policy("database:datastores:delete")
    def delete_version(self, version: str) -> None:
        """Offer a version no longer; raise DatastoreInUse where something is of it."""
        row = self.version(version)
        with transaction.atomic():
            for model in (DatabaseInstance, Backup, Configuration):
                if model.objects.filter(version=row).exists():
                    raise DatastoreInUse(row.name)
            row.delete()

    @policy("database:datastores:delete")
    def delete(self, datastore: str) -> None:
        """Remove a datastore without versions; raise DatastoreInUse."""
        row = self.get(datastore)
        if row.versions.exists():
            raise DatastoreInUse(row.name)
        row.delete()

    def _rows(self) -> QuerySet[DatastoreVersion]:
        rows = DatastoreVersion.objects.select_related("datastore")
        if allows(self.context, "database:datastores:see_all"):
            return rows
        return rows.filter(active=True)

    def _check_image(self, image_id: UUID | None, tags: Sequence[str]) -> None:
        if image_id is not None:
            image = ImageManager(self.context).get(str(image_id))
            if image.visibility not in (COMMUNITY, PUBLIC):
                raise BadRequest(
                    f"Image {image_id} is {image.visibility}: databases of other projects cannot boot "
                    "from it. Make it community or public."
                )
        elif not tags:
            raise BadRequest("An image or tags of images are needed.")


def _numbers(version: DatastoreVersion) -> tuple[int, ...]:
    """Return what a version counts by; nothing where it is not called by numbers."""
    said = version.number or version.name
    return tuple(map(int, said.split("."))) if re.fullmatch(r"\d+(\.\d+)*", said) else ()
