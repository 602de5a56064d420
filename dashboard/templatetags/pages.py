"""How values read on a page: icons, sizes, times, steps."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince

from cloudweb.database.clock import now
from dashboard.components import operations, words
from dashboard.components.parts import stamped
from dashboard.components.status import power_text

register = template.Library()

MILESTONES = {"dhcp": "Got its address", "metadata": "Fetched its metadata"}


@register.simple_tag
def icon(name: str, css: str = "") -> SafeString:
    """Draw an icon of static/icons.txt; the text beside it says what it means."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        css,
        static("vendor/icons.svg"),
        name,
    )


@register.simple_tag(takes_context=True)
def part(context: Any, name: str) -> SafeString:
    """Include a live part with its entity tag, as the view of the part alone would send it."""
    with context.push():
        html = context.template.engine.get_template(name).render(context)
    return mark_safe(stamped(html)[0])  # noqa: S308  # a template made it


@register.simple_tag(takes_context=True)
def cell(context: Any, head: Any, line: Any) -> str:
    """Draw one fact of a row of a list; a template of its own knows the row as ``row``."""
    how = head.column.cell
    if callable(how):
        return conditional_escape(how(line.row))
    with context.push(row=line.row):
        return str(context.template.engine.get_template(how).render(context))


@register.filter
def mib(value: int | None) -> str:
    """Write an amount of MiB as people say it."""
    return size((value or 0) * 1024**2) if value else "0"


@register.filter
def numa_nodes(cells: Sequence[Mapping[str, Any]]) -> str:
    """Write what a server has of its host's cells: ``2 · 4 dedicated CPUs of 6 · pages of 2 MiB``."""
    pinned = sum(len(cell["pins"]) for cell in cells)
    all_of_them = sum(len(cell["cpus"]) for cell in cells)
    found = [str(len(cells))]
    if pinned:
        of = f" of {all_of_them}" if pinned < all_of_them else ""
        found.append(f"{pinned} dedicated CPU{'' if pinned == 1 else 's'}{of}")
    pages = sorted({cell["page_size"] for cell in cells} - {0})
    if pages:
        found.append(f"pages of {' and '.join(size(kib * 1024) for kib in pages)}")
    return " · ".join(found)


@register.filter
def size(value: int | None) -> str:
    """Write bytes as ``12.5 GiB``."""
    amount, units = float(value or 0), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    text = f"{amount:.1f}".removesuffix(".0") if amount < 100 else f"{amount:.0f}"
    return f"{text} {units[0]}"


@register.filter
def amount(value: int | None, unit: str) -> str:
    """Write a number with its unit; MiB and GiB grow into the next."""
    if unit == "MiB":
        return mib(value)
    return size((value or 0) * 1024**3) if unit == "GiB" and value else f"{value or 0:,}"


MINUS = "\N{MINUS SIGN}"


@register.filter
def difference(value: int, unit: str) -> str:
    """Write how much more or less something is, with its sign: ``+1 GiB``."""
    return f"{'+' if value > 0 else MINUS}{amount(abs(value), unit)}"


@register.filter
def ago(moment: datetime.datetime | None) -> str:
    """Write how long ago something was."""
    if moment is None:
        return "never"
    passed = now() - moment
    if passed < datetime.timedelta(minutes=1):
        return "just now"
    return f"{timesince(moment, now(), depth=1)} ago"


#: How a moment is written until the browser writes it in its own zone (times.js).
_FULL = "%-d %b %Y, %H:%M UTC"
_WRITTEN = {"full": _FULL, "ago": _FULL, "clock": "%H:%M:%S"}


@register.simple_tag
def moment(value: datetime.datetime | None, how: str = "full", css: str = "") -> SafeString | str:
    """Write a moment: ``full`` with date and zone, ``clock``, or ``ago``.

    Here it is UTC, and stays the same at each look; the browser writes it in its zone (times.js).
    """
    if value is None:
        return "never"
    utc = value.astimezone(datetime.UTC)
    return format_html(
        '<time datetime="{}" data-time="{}" class="{}" title="{}">{}</time>',
        utc.isoformat(),
        how,
        css,
        utc.strftime("%Y-%m-%d %H:%M:%S UTC"),
        utc.strftime(_WRITTEN[how]),
    )


@register.simple_tag
def took(start: datetime.datetime | None, end: datetime.datetime | None) -> str:
    """Write how long something took, or has taken until now."""
    if start is None:
        return ""
    seconds = max(0.0, ((end or now()) - start).total_seconds())
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "< 1 ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


@register.filter
def milestone_text(kind: str) -> str:
    """Say what a guest did for the first time."""
    return MILESTONES.get(kind) or kind.replace("_", " ").capitalize()


@register.filter
def power(state: int) -> str:
    """Say whether a guest's power is on."""
    return power_text(state)


@register.filter
def in_words(text: str) -> str:
    """Say a sentence of a manager as a page says it."""
    return words.in_words(text)


@register.filter
def from_unix(seconds: float) -> datetime.datetime:
    """Return a Unix time as a moment."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


@register.filter
def step_text(name: str, kind: str = "") -> str:
    """Write the name of a step of this kind of operation for people."""
    return operations.step_text(name, kind)


@register.filter
def operation_text(kind: str) -> str:
    """Write an operation's kind for people."""
    return operations.text_and_icon(kind)[0]


@register.filter
def operation_icon(kind: str) -> str:
    """Return the icon of an operation's kind."""
    return operations.text_and_icon(kind)[1]


@register.filter
def step_mark(step: Any) -> dict[str, str]:
    """Return tone, icon and word of a step's state."""
    if step.state == "DONE" and step.direction == "undo":
        return {"tone": "neutral", "icon": "arrow-back-up", "text": "taken back"}
    if step.state == "PENDING" and step.error:
        return {"tone": "warning", "icon": "clock", "text": "waiting"}
    if step.state == "STARTED" and step.error:
        return {"tone": "warning", "icon": "refresh", "text": "trying again"}
    return {
        "DONE": {"tone": "success", "icon": "check", "text": "done"},
        "FAILED": {"tone": "danger", "icon": "x", "text": "failed"},
        "ABANDONED": {"tone": "neutral", "icon": "x", "text": "given up for another operation"},
    }.get(step.state, {"tone": "info", "icon": "loader-2", "text": "under way"})


@register.filter
def entry_mark(entry: Any) -> dict[str, str]:
    """Return tone, icon and word of an operation's state."""
    if entry.state == "DONE":
        return {"tone": "success", "icon": "check", "text": "Done"}
    if entry.state == "UNDONE":
        return {"tone": "danger", "icon": "arrow-back-up", "text": "Failed, taken back"}
    if entry.state == "FAILED":
        return {"tone": "danger", "icon": "alert-triangle", "text": "Needs an operator"}
    if entry.state == "QUEUED":
        return {"tone": "neutral", "icon": "clock", "text": "Waiting its turn"}
    if entry.direction == "undo":
        return {"tone": "warning", "icon": "loader-2", "text": "Taking back"}
    return {"tone": "info", "icon": "loader-2", "text": "Under way"}


@register.filter
def error_of_its_own(entry: Any) -> bool:
    """Tell whether an operation's error is not that of one of its steps, shown there already."""
    return bool(entry.error) and entry.error not in {step.error for step in entry.steps}
