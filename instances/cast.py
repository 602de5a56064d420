"""Asciicasts, version 2: what a terminal showed, as asciinema and its players read it.

A line of JSON that says what it is, then one for each piece: seconds since the beginning, ``o``, the text. What was
typed is not in it but as far as the guest showed it: passwords are not.

https://docs.asciinema.org/manual/asciicast/v2/
"""

from __future__ import annotations

import codecs
import json

#: Columns and rows that a guest expects of a serial line.
WIDTH, HEIGHT = 80, 24


def header(*, title: str, began: float) -> str:
    """Return the first line; ``began`` is in seconds since 1970."""
    said = {
        "version": 2,
        "width": WIDTH,
        "height": HEIGHT,
        "timestamp": int(began),
        "title": title,
        "env": {"TERM": "xterm-256color"},
    }
    return f"{json.dumps(said)}\n"


class Typist:
    """Writes down what is shown; a letter may come in two pieces."""

    def __init__(self) -> None:
        self._letters = codecs.getincrementaldecoder("utf-8")("replace")

    def line(self, data: bytes, *, after: float) -> str:
        """Return the line of a piece; empty while no whole letter is there."""
        text = self._letters.decode(data)
        return f"{json.dumps([round(after, 3), 'o', text])}\n" if text else ""
