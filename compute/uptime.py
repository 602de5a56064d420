"""How long the machine is up and how busy it is, as the command ``uptime`` says it."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

_SECONDS = Path("/proc/uptime")
_LOG_INS = Path("/run/utmp")
#: utmp(5): each entry begins with its kind, and is this long.
_ENTRY, _USER_PROCESS = 384, 7


def line() -> str:
    """Return e.g. `` 17:37:14 up 3 days,  2:33,  1 user,  load average: 0.33, 0.36, 0.34``.

    Empty where the machine does not tell.
    """
    try:
        seconds = int(float(_SECONDS.read_text().split()[0]))
        load = ", ".join(f"{part:.2f}" for part in os.getloadavg())
    except (OSError, ValueError, IndexError):
        return ""
    users = _users()
    noun = "user" if users == 1 else "users"
    now = time.strftime("%H:%M:%S", time.localtime())
    return f" {now} up {_span(seconds)},  {users} {noun},  load average: {load}"


def _span(seconds: int) -> str:
    days, minutes = seconds // 86400, seconds % 86400 // 60
    clock = f"{minutes // 60:2}:{minutes % 60:02}" if minutes >= 60 else f"{minutes} min"
    return f"{days} day{'' if days == 1 else 's'}, {clock}" if days else clock


def _users() -> int:
    try:
        data = _LOG_INS.read_bytes()
    except OSError:
        return 0
    kinds = (struct.unpack_from("=h", data, at)[0] for at in range(0, len(data) - 1, _ENTRY))
    return sum(kind == _USER_PROCESS for kind in kinds)
