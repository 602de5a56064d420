"""Consoles on the wire, from 2.6 on."""

from __future__ import annotations

from typing import Literal

from cloudweb.api.answers import Answer
from cloudweb.api.fields import Body

#: What each protocol's consoles are called; only the first of some is there.
TYPES = {
    "vnc": ("novnc", "xvpvnc"),
    "serial": ("serial",),
    "spice": ("spice-html5",),
    "mks": ("webmks",),
}
Type = Literal["novnc", "xvpvnc", "serial", "spice-html5", "webmks"]


class RemoteConsole(Body):
    """The ``remote_console`` of POST /servers/{id}/remote-consoles."""

    protocol: Literal["vnc", "serial", "spice", "mks"]
    type: Type

    def fits(self) -> bool:
        """Tell whether the protocol has consoles of this type."""
        return self.type in TYPES[self.protocol]


class RemoteConsoleShown(Answer):
    """Where to look."""

    protocol: str
    type: str
    url: str
