"""After a test that committed nothing is left, as after Django's own flush."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection

from operations.testing.rows import Rows
from tests import emptying
from tests.builders.identity import make_member
from tests.emptying import empty_tables

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def _held() -> dict[str, int]:
    found: dict[str, int] = {}
    with connection.cursor() as cursor:
        for name in connection.introspection.django_table_names():
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(name)}")
            found[name] = cursor.fetchone()[0]
    return {name: rows for name, rows in found.items() if rows}


@pytest.mark.parametrize("large", [1 << 20, 1])
def test_it_leaves_what_a_flush_leaves(large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emptying, "LARGE", large)
    make_member("member")
    before = set(ContentType.objects.values_list("id", "app_label", "model"))
    assert len(_held()) > 3
    empty_tables()
    assert set(ContentType.objects.values_list("id", "app_label", "model")) == before
    emptied = _held()
    call_command("flush", verbosity=0, interactive=False)
    assert emptied == _held()


def test_what_no_model_knows_is_not_touched() -> None:
    """The record of the migrations, which are not run again."""
    rows: Any = Rows()
    make_member("member")
    empty_tables()
    assert "django_migrations" not in rows.changed()
