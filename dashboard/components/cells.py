"""How facts are drawn in the cells of lists; what users wrote is escaped."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.components.status import Badge
from dashboard.templatetags.pages import icon, moment

NOTHING = SafeString('<span class="quiet">&ndash;</span>')


def named(url: str, name: str) -> SafeString:
    """Return a name that leads to its page."""
    return format_html('<a class="name break" href="{}">{}</a>', url, name)


def strong(name: str) -> SafeString:
    """Return the name of what has no page."""
    return format_html('<span class="name break">{}</span>', name)


def status(badge: Badge) -> SafeString:
    """Return a badge, as on every page."""
    hint = format_html(' title="{}"', badge.hint[:1].upper() + badge.hint[1:]) if badge.hint else ""
    mark = icon(badge.icon, "spin" if badge.busy else "")
    return format_html(
        '<span class="status tone-{}"{}>{}{}</span>', badge.tone, hint, mark, badge.text
    )


def plain(text: str) -> SafeString:
    """Return a text that may be long."""
    return format_html('<span class="break">{}</span>', text) if text else NOTHING


def ago(value: datetime.datetime | None) -> SafeString | str:
    """Return how long ago something was."""
    return moment(value, "ago", "quiet nowrap")


def lines(texts: Sequence[str], *, most: int = 2) -> SafeString:
    """Return the first few of several, one a line."""
    if not texts:
        return NOTHING
    shown = [(text,) for text in texts[:most]]
    return format_html(
        "<span>{}</span>", format_html_join("", '<span class="d-block">{}</span>', shown)
    )


def two_lines(first: str, second: str) -> SafeString:
    """Return a fact, and what explains it below."""
    return format_html(
        '<span class="two-lines"><span>{}</span><span class="quiet small">{}</span></span>',
        first,
        second,
    )


def quiet(text: str, css: str = "break") -> SafeString:
    """Return what is seldom read."""
    return format_html('<span class="quiet {}">{}</span>', css, text) if text else NOTHING
