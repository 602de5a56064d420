"""Whether what is encrypted in the database can still be read, before anything is written to it."""

from __future__ import annotations

from typing import Any

from django.db import connection, models

from cloudweb.encryption import key_file
from cloudweb.lost_keys import KeysLost, new_ones_are_wanted
from cloudweb.preparation.migrations import sqlite_file
from cloudweb.rotation import encrypted_columns


def check() -> None:
    """Raise KeysLost when encrypted values are there and the file of their keys is not."""
    file = sqlite_file()
    if file is not None and not file.exists():  # to look would make it, for all to read
        return
    if not key_file().exists() and not new_ones_are_wanted() and _any():
        raise KeysLost("fernet")


def _any() -> bool:
    """Ask the tables as they are: those of an older version may lack a column."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        for model, name in encrypted_columns():
            table = model._meta.db_table
            if table not in tables:
                continue
            there = connection.introspection.get_table_description(cursor, table)
            if name not in {column.name for column in there}:
                continue
            everything: models.QuerySet[Any] = models.QuerySet(model)
            if everything.filter(**{f"{name}__gt": ""}).exists():
                return True
    return False
