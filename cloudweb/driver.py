"""What drivers raise, and how settings name the class that is loaded."""

from __future__ import annotations

import errno
from importlib import import_module
from typing import Any, Protocol

from cloudweb.exceptions import CloudwebError


class DriverError(CloudwebError):
    """The host cannot do this; trying again will not help. The message is safe for a tenant."""

    code = "driver_error"
    default_message = "The host could not do this."


class TransientDriverError(DriverError):
    """The host cannot do this now; the same order may work later or on another host."""

    code = "driver_error_transient"


class DiskFull(TransientDriverError):
    """The host has no room to write; another host may, or this one when something was deleted."""

    code = "disk_full"
    default_message = "The host's disk is full."


def is_full(error: BaseException) -> bool:
    """Tell whether a file could not be written for want of room."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class Interrupted(CloudwebError):
    """A newer order took over; the method stopped before its next effect (OPERATIONS 16)."""

    code = "interrupted"


def load_class(dotted: str) -> Any:
    """Return the class or function a dotted name points at; raise ImportError if there is none."""
    module, _, name = dotted.rpartition(".")
    try:
        return getattr(import_module(module), name)
    except AttributeError as error:
        raise ImportError(f"{module} has no {name}") from error


class Work(Protocol):
    """The order a driver works for.

    A driver calls ``checkpoint`` before every effect on the world outside (it raises Interrupted
    once a newer order took over) and ``progress`` when a long effect has got further.
    """

    def checkpoint(self) -> None:
        """Raise Interrupted unless this order is still the newest one."""

    def progress(self, percent: int, text: str = "") -> None:
        """Tell how far the work is (0 to 100)."""


class Unguarded:
    """Work that nothing can interrupt: start-up, clean-up and tests."""

    def checkpoint(self) -> None:
        """Go on."""

    def progress(self, percent: int, text: str = "") -> None:
        """Tell nobody."""
