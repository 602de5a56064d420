"""Every page of the operators' console derives from one base."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db.models import Model

from cloudweb.admin import ManagedAdmin, ShownInline


def test_every_page_of_the_operators_derives_from_the_base() -> None:
    admin.autodiscover()
    bare = {
        str(model._meta.label)
        for model, page in admin.site._registry.items()
        if not isinstance(page, ManagedAdmin)
    }
    assert bare == set()
    inlines = {inline for page in admin.site._registry.values() for inline in page.inlines}
    assert {one for one in inlines if not issubclass(one, ShownInline)} == set()


def test_every_row_has_a_name() -> None:
    """What is refused is said of it."""
    models = {*admin.site._registry}
    for page in admin.site._registry.values():
        models |= {inline.model for inline in page.inlines}
    assert {one._meta.label for one in models if one.__str__ is Model.__str__} == set()


@pytest.mark.parametrize("missing", ["search_fields", "list_display"])
def test_operators_find_what_they_look_for(missing: str) -> None:
    """Every list is searched; the audit log has a search of its own."""
    bare = {
        str(model._meta.label)
        for model, page in admin.site._registry.items()
        if getattr(page, missing) in ((), ("__str__",))
    }
    assert bare <= {"audit.Record"}
