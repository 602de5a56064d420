"""What is refused of recordings of consoles."""

from __future__ import annotations

import uuid

from cloudweb.exceptions import Conflict, NotFound


class ConsoleRecordingNotFound(NotFound):
    """No such recording, or another project's, or it was forgotten."""

    code = "console_recording_not_found"

    def __init__(self, recording_id: str | uuid.UUID) -> None:
        super().__init__(f"Console recording {str(recording_id)[:80]} could not be found.")


class ConsoleRecordingEnded(Conflict):
    """Nothing more is kept: the recording is as large as one may be, or was forgotten meanwhile."""

    code = "console_recording_ended"
    default_message = "The recording of this console ended: open the console again."
