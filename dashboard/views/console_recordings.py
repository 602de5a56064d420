"""Recordings of the project's consoles: turned on and off, listed, looked at."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from cloudweb.listing import Page as Rows
from dashboard.components import cells
from dashboard.components.lists import Asked, Column, Empty, Field, Tool
from dashboard.templatetags.pages import moment, size
from dashboard.views.console import with_styles
from dashboard.views.list_page import ListPage
from dashboard.views.page import Page
from instances.manager import ConsoleRecordingManager

if TYPE_CHECKING:
    from instances.models import ConsoleRecording

ON = Tool(
    "Record consoles", "record_consoles", "video", "compute:console_recordings:switch", posts=True
)
OFF = Tool(
    "Record no more",
    "stop_recording",
    "player-stop",
    "compute:console_recordings:switch",
    main=False,
    posts=True,
)


def _server(row: ConsoleRecording) -> SafeString:
    return cells.named(reverse("console_recording", args=[row.id]), row.instance_name)


def _who(row: ConsoleRecording) -> SafeString:
    return cells.two_lines(row.user_name or row.user_id, row.remote_address)


def _length(row: ConsoleRecording) -> str:
    seconds = round((row.seen_until - row.created_at).total_seconds())
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes}:{seconds:02}"


class ConsoleRecordings(ListPage):
    """What was shown on the serial consoles of the project's servers."""

    section = route = "console_recordings"
    template = "dashboard/console_recordings/list.html"
    title, nouns = "Console recordings", ("recording", "recordings")
    about = "What was shown on the serial consoles of {project}'s servers, and to whom"
    columns = (
        Column("Server", _server, sort="instance_name"),
        Column("Who looked", _who, sort="user_name"),
        Column(
            "From",
            lambda row: moment(row.created_at, "full", "quiet nowrap"),
            sort="created_at",
            falling=True,
        ),
        Column("Minutes", _length, css="num"),
        Column("Size", lambda row: size(row.size), sort="size", falling=True, css="num"),
    )
    order = "-created_at"
    search = (Field("q", "Find by server or user", live=True),)
    empty = Empty(
        "video",
        "Nothing was recorded yet",
        "While recording is on, every serial console that is opened is kept here.",
        not_found="No recording is like that",
    )
    limit = 50

    def find(self, asked: Asked) -> Rows[Any]:
        """Ask the manager."""
        return ConsoleRecordingManager(self.context).find(
            words=asked.q,
            order=asked.columns(last="id"),
            marker=asked.marker,
            limit=asked.limit,
        )

    def name_of(self, row: Any) -> str:
        """Return the name of its server."""
        return str(row.instance_name)

    def facts(self, **more: Any) -> dict[str, Any]:
        """Add since when it is on."""
        self.switched = ConsoleRecordingManager(self.context).switched()
        return super().facts(**{"switched": self.switched, **more})

    def offered_tools(self) -> Sequence[Tool]:
        """Offer to turn it on or off."""
        return [OFF if self.switched else ON]


class SwitchRecording(Page):
    """Turns it on or off for the project."""

    on: bool = True

    def get(self, request: HttpRequest) -> HttpResponse:
        """Lead back to the list."""
        return HttpResponseRedirect(reverse("console_recordings"))

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do it."""
        project = self.context.scoped_project_id
        ConsoleRecordingManager(self.context).switch(project, on=self.on)
        told = "Serial consoles are recorded" if self.on else "Consoles are recorded no more"
        return self.done(f"{told} from now on.", reverse("console_recordings"))


class ConsoleRecordingPage(Page):
    """One recording, in a player."""

    section = "console_recordings"

    def get(self, request: HttpRequest, recording_id: uuid.UUID) -> HttpResponse:
        """Show it."""
        found = ConsoleRecordingManager(self.context).get(recording_id)
        page = "dashboard/console_recordings/detail.html"
        return with_styles(self.render(page, recording=found))


class ConsoleRecordingCast(Page):
    """What was shown, as a file of asciinema."""

    def get(self, request: HttpRequest, recording_id: uuid.UUID) -> HttpResponse:
        """Send it."""
        found = ConsoleRecordingManager(self.context).replay(recording_id)
        name = f"console-{found.recording.created_at:%Y%m%d-%H%M%S}.cast"
        return HttpResponse(
            found.cast,
            content_type="application/x-asciicast",
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
            },
        )
