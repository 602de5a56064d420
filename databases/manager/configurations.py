"""Configurations: settings that instances take, checked against their version's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from cloudweb.database.clock import now
from cloudweb.database.locks import locked
from cloudweb.exceptions import UnknownMarker
from cloudweb.identifiers import as_uuid
from cloudweb.listing import EVERYTHING, Listing, Page, page_of
from cloudweb.manager import Manager
from cloudweb.policy import policy
from databases.exceptions import ConfigurationInUse, ConfigurationInvalid, ConfigurationNotFound
from databases.manager.datastores import DatastoreManager
from databases.manager.replicas import check_followers
from databases.models import (
    Configuration,
    ConfigurationParameter,
    DatabaseInstance,
    DatastoreVersion,
)
from databases.operations import ConfigureDatabase
from databases.states import ParameterKind, Task

Values = Mapping[str, Any]


class ConfigurationManager(Manager):
    """Configurations of the caller's project."""

    @policy("database:configurations:list")
    def list(self, listing: Listing = EVERYTHING) -> Page[Configuration]:
        """Return a page of the project's own; raise UnknownMarker."""
        rows = Configuration.objects.of_project(self.context)
        last = None
        if listing.marker is not None:
            key = as_uuid(listing.marker)
            last = rows.filter(id=key).first() if key else None
            if last is None:
                raise UnknownMarker(listing.marker)
        return page_of(rows.select_related("version__datastore"), listing, last=last)

    @policy("database:configurations:get")
    def get(self, configuration_id: str) -> Configuration:
        """Return one; raise ConfigurationNotFound."""
        key = as_uuid(configuration_id)
        rows = Configuration.objects.visible_to(self.context).select_related("version__datastore")
        found = rows.filter(id=key).first() if key else None
        if found is None:
            raise ConfigurationNotFound(configuration_id)
        return found

    @policy("database:configurations:create")
    def create(
        self,
        *,
        name: str,
        values: Values,
        description: str = "",
        datastore: str | None = None,
        version: str | None = None,
    ) -> Configuration:
        """Write settings down; raise ConfigurationInvalid for what a parameter does not allow."""
        of = DatastoreManager(self.context).chosen(datastore or "postgresql", version)
        made = Configuration.objects.create(
            project_id=self.context.scoped_project_id,
            name=name,
            description=description,
            version=of,
            values=checked(of, values),
        )
        return self.get(str(made.id))

    @policy("database:configurations:update")
    def update(
        self,
        configuration_id: str,
        /,
        *,
        values: Values | None = None,
        replace: bool = False,
        **changes: Any,
    ) -> None:
        """Change settings (``replace``: instead of all before), name, description.

        Instances that have it take the new settings at once. Raises ConfigurationInvalid, and BadRequest where
        replicas of one of them have no room with these.
        """
        found = self.get(configuration_id)
        with transaction.atomic():
            row = locked(Configuration.objects.filter(id=found.id)).get()
            if values is not None:
                new = checked(found.version, values)
                changes["values"] = new if replace else {**row.values, **new}
            Configuration.objects.filter(id=found.id).update(updated_at=now(), **changes)
            if values is not None:
                if "max_connections" in values:
                    self._check_followers(found)
                self._tell(found)

    @policy("database:configurations:delete")
    def delete(self, configuration_id: str) -> None:
        """Forget one; raise ConfigurationInUse while an instance has it."""
        found = self.get(configuration_id)
        with transaction.atomic():
            locked(Configuration.objects.filter(id=found.id)).first()
            if found.instances.exists():
                raise ConfigurationInUse
            found.delete()

    @policy("database:configurations:get")
    def instances(self, configuration_id: str) -> Sequence[DatabaseInstance]:
        """Return the instances that have it."""
        return [*self.get(configuration_id).instances.order_by("created_at", "id")]

    def _check_followers(self, configuration: Configuration) -> None:
        followed = DatabaseInstance.objects.exclude(replica_of=None).values("replica_of")
        rows = DatabaseInstance.objects.select_related("configuration", "version")
        for source in rows.filter(configuration_id=configuration.id, id__in=followed):
            check_followers(source)

    def _tell(self, configuration: Configuration) -> None:
        rows = DatabaseInstance.objects.filter(configuration=configuration)
        for key in rows.values_list("id", flat=True):
            mine = DatabaseInstance.objects.filter(id=key).at_rest()
            if mine.update(task=Task.CONFIGURING, updated_at=now()):
                ConfigureDatabase.start(self.context, resource_id=str(key))


def checked(version: DatastoreVersion, values: Values) -> dict[str, Any]:
    """Return settings as they are kept; raise ConfigurationInvalid for the first that may not be."""
    rows = ConfigurationParameter.objects.filter(version=version, name__in=list(values))
    known = {row.name: row for row in rows}
    for name in values:
        if name not in known:
            raise ConfigurationInvalid(
                f"The configuration parameter {name[:64]} is not supported for this datastore version."
            )
    return {name: _value(known[name], value) for name, value in values.items()}


def _value(row: ConfigurationParameter, value: Any) -> Any:
    if row.kind == ParameterKind.BOOLEAN:
        words = {"on": True, "off": False, "true": True, "false": False, "1": True, "0": False}
        found = words.get(str(value).lower())
        if found is None:
            raise _wrong(row, "a boolean")
        return found
    if row.kind in (ParameterKind.INTEGER, ParameterKind.FLOAT):
        return _number(row, value)
    if not isinstance(value, str) or len(value) > 1000 or not value.isprintable():
        raise _wrong(row, "a text of one line")
    if row.choices and value not in row.choices:
        raise _wrong(row, f"one of {', '.join(row.choices)}")
    return value


def _number(row: ConfigurationParameter, value: Any) -> int | float:
    kind = int if row.kind == ParameterKind.INTEGER else float
    what = "an integer" if kind is int else "a number"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong(row, what)
    try:
        number = kind(str(value))
    except ValueError:
        raise _wrong(row, what) from None
    if number != number or (row.lowest is not None and number < row.lowest):
        raise _wrong(row, f"at least {row.lowest}")
    if row.highest is not None and number > row.highest:
        raise _wrong(row, f"at most {row.highest}")
    return number


def _wrong(row: ConfigurationParameter, what: str) -> ConfigurationInvalid:
    return ConfigurationInvalid(f"The value of configuration parameter {row.name} must be {what}.")
