"""What the pages of all nouns share."""

from __future__ import annotations

from cloudweb import admin


class NounAdmin(admin.ManagedAdmin):
    """Newest first; what is done to several rows is done to each that allows it."""

    ordering = ("-created_at", "-id")


class ShownInline(admin.ShownInline):
    """Rows that belong to the one shown, each a link to its own page."""

    show_change_link = True
