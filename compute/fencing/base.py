"""What switches a machine off and on from outside, whatever runs on it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from cloudweb.driver import DriverError, TransientDriverError

Power = Literal["on", "off", "unknown"]


class FenceFailed(TransientDriverError):
    """The machine's power control did not do, or not say, what it was asked for."""

    code = "fence_failed"
    default_message = "The host's power control did not answer."


class FenceRefused(DriverError):
    """The machine's power control will not do this, however often it is asked."""

    code = "fence_refused"


@dataclass(frozen=True, slots=True)
class FencePlace:
    """Where a machine's power control is: its address, who asks, and which of its machines is meant.

    ``ca`` are certificates (PEM) that vouch for it; without them, and with ``verify``, the system's do.
    """

    host: str
    address: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    machine: str = ""
    verify: bool = True
    ca: str = ""


class FenceDriver(ABC):
    """One way to a machine's power. Each call may take seconds, and is run by a control worker's job.

    All raise FenceFailed where another try may do, FenceRefused where none will.
    """

    #: Whether it needs an address to work.
    has_address: ClassVar[bool] = True

    def __init__(self, place: FencePlace) -> None:
        self.place = place

    @abstractmethod
    def power(self) -> Power:
        """Return whether the machine has power, as its power control says."""

    @abstractmethod
    def off(self) -> None:
        """Have its power cut at once, without asking what runs there; one that is off stays so.

        It may be on for some seconds after this returned: ask ``power``.
        """

    @abstractmethod
    def on(self) -> None:
        """Have it started; one that is on stays so."""
