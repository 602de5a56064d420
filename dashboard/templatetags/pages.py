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
from dashboard.components import words
from dashboard.components.parts import stamped
from dashboard.components.status import power_text
from instances.actions import ACTIONS

register = template.Library()

#: Steps whose own name would puzzle a tenant.
STEPS = {
    "claim_host": "Choose a host",
    "release_claim": "Give the place on the host back",
    "create_ports": "Connect to its networks",
    "delete_ports": "Release its addresses",
    "plug_ports": "Wire it on the host",
    "unplug_ports": "Take the wires off",
    "spawn": "Boot the guest",
    "destroy": "Remove the guest",
    "finish": "Finish",
    "fetch": "Fetch and inspect the data",
    "convert": "Convert the disk",
    "reserve": "Count it against the quota",
    "put": "Copy it into the stores",
    "publish": "Make it ready",
    "fill": "Fill the image cache",
    "clear": "Clear the staging area",
    "erase": "Erase the data",
    "claim_pool": "Choose where it lies",
    "make": "Make the disk",
    "claim_room": "Take the room",
    "resize": "Grow the disk",
    "cut_off": "Cut off who still has it",
    "delete_snapshots": "Remove its snapshots",
    "copy": "Copy the data",
    "follow": "Let its server use the copy",
    "remove": "Remove the disk",
    "admit": "Check what was stored",
    "prove": "Restore it and compare digests",
    "make_volume": "Make the volume",
    "overwrite": "Write it over the volume",
    "release_pool": "Give the room back",
    "reimage": "Write the image over it",
    "write_anew": "Write the image over its volume",
    "make_port": "Connect it to its network",
    "drop_port": "Release its address",
    "build_server": "Build its server and volume",
    "drop_server": "Remove its server and volume",
    "tell_admit": "Ask its source to let it in",
    "hear_admit": "Its source lets it in",
    "tell_prepare": "Ask the guest to set the datastore up",
    "hear_prepare": "The datastore serves",
    "tell_restart": "Ask the guest to restart the datastore",
    "hear_restart": "The datastore serves again",
    "tell_apply": "Send the settings to the guest",
    "hear_apply": "The guest has taken them",
    "tell_upgrade": "Ask the guest to change the version",
    "hear_upgrade": "The guest serves the new version",
    "tell_dump": "Ask the guest for a backup",
    "hear_dump": "The guest has sent it",
    "complete": "Check that all of it is there",
    "resize_server": "Give the server its new size",
    "note_flavor": "Write the new size down",
    "keep_size": "Keep the new size",
    "tell_start": "Ask the guest to start the datastore",
    "hear_start": "The datastore serves again",
    "extend_volume": "Grow the volume",
    "note_size": "Write the new size down",
    "tell_grow": "Ask the guest to grow the file system",
    "hear_grow": "The file system has grown",
    "fence": "Make sure that only one writes",
    "tell_step_down": "Ask the source to stop writing",
    "hear_step_down": "The source writes no more",
    "tell_take_over": "Ask the replica to take over",
    "hear_take_over": "The replica writes",
    "tell_follow": "Ask it to follow the new source",
    "hear_follow": "It follows",
}
MILESTONES = {"dhcp": "Got its address", "metadata": "Fetched its metadata"}
#: Operations that are no server actions.
OPERATIONS = {
    "instances.create": ("Create", "plus"),
    "image.import": ("Import", "download"),
    "image.copy": ("Copy to other stores", "copy"),
    "image.cache": ("Copy into the image cache", "copy"),
    "image.delete": ("Delete", "trash"),
    "volume.create": ("Create", "plus"),
    "volume.revert": ("Go back to a snapshot", "history"),
    "volume.reimage": ("Write anew", "refresh-alert"),
    "volume.extend": ("Grow", "arrows-maximize"),
    "volume.move": ("Move to another place", "arrow-right"),
    "volume.move_with_guest": ("Move to another place", "arrow-right"),
    "volume.delete": ("Delete", "trash"),
    "volume.backup": ("Back up", "upload"),
    "volume.restore": ("Go back to a backup", "history"),
    "volume.restore_backup": ("Restore", "history"),
    "volume.prove_backup": ("Restore on trial", "circle-check"),
    "volume.delete_backup": ("Delete", "trash"),
    "volume.import_backup": ("Look for it in its store", "search"),
    "databases.create": ("Create", "plus"),
    "databases.restart": ("Restart", "refresh"),
    "databases.configure": ("Take settings", "settings"),
    "databases.upgrade": ("Upgrade", "arrows-maximize"),
    "databases.back_up": ("Back up", "upload"),
    "databases.resize": ("Resize", "cpu"),
    "databases.grow": ("Grow", "arrows-maximize"),
    "databases.promote": ("Take over from its source", "transfer"),
    "databases.follow": ("Follow its new source", "copy"),
    "databases.detach": ("Detach from its source", "plug"),
    "databases.delete": ("Delete", "trash"),
}


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
def step_text(name: str) -> str:
    """Write a step's name for people."""
    return STEPS.get(name) or name.replace("_", " ").capitalize()


def _operation(kind: str) -> tuple[str, str]:
    """Return text and icon of an operation's kind: its server action's, where it is one."""
    if kind in OPERATIONS:
        return OPERATIONS[kind]
    for action in ACTIONS.values():
        if action.button and action.is_done_by(kind):
            return action.button.label, action.button.icon
    return kind.rpartition(".")[2].replace("_", " ").capitalize(), "activity"


@register.filter
def operation_text(kind: str) -> str:
    """Write an operation's kind for people."""
    return _operation(kind)[0]


@register.filter
def operation_icon(kind: str) -> str:
    """Return the icon of an operation's kind."""
    return _operation(kind)[1]


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
