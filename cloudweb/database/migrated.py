"""Whether the database is as the code wants it, by the names of migrations alone: importing them all is 3 MiB."""

from __future__ import annotations

from importlib.util import find_spec
from pkgutil import iter_modules

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder


def all_are_applied(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether each migration of each app is recorded as applied."""
    applied = MigrationRecorder(connection).applied_migrations().keys()
    return all(
        (app.label, name) in applied for app in apps.get_app_configs() for name in _names(app.name)
    )


def _names(app: str) -> list[str]:
    found = find_spec(f"{app}.migrations")
    places = found.submodule_search_locations if found is not None else None
    return [module.name for module in iter_modules(places or ()) if module.name[0] not in "_~"]
