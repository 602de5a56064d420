"""What a domain brings to a host: one class with typed hooks, each of which may be left as it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from cloudweb.objects import VersionedObject
from cloudweb.rpc import Method

#: What does a method on the host: it takes the payload and the work (a query the payload alone) and
#: returns the answer, if the method has one.
Function = Callable[..., VersionedObject | None]
ScopeLock = Callable[[str], AbstractContextManager[Any]]


class Agent(ABC):
    """The host side of one domain. No database; every method it exposes is idempotent.

    The runtime calls ``listen``, ``watch``, ``init_host``, then ``report`` every 10 seconds from a thread of its
    own, and ``start_guests`` once what the host owes has been paid.
    """

    @abstractmethod
    def methods(self) -> Mapping[Method[Any], Function]:
        """Return what does each method that this agent exposes; its host's queue knows nothing else."""

    def listen(self, soon: Callable[[], None]) -> None:  # noqa: B027 - a hook
        """Keep ``soon``, and call it when something happened that users wait to see."""

    def watch(self, lost: Callable[[], Sequence[str]]) -> None:  # noqa: B027 - a hook
        """Keep ``lost``: it names this domain's scopes whose order records were damaged."""

    def owing(self, owes: Callable[[], bool]) -> None:  # noqa: B027 - a hook
        """Keep ``owes``: it tells whether this host works on what it owes."""

    @property
    def needs_answers(self) -> bool:
        """Tell whether each report is to be answered, whatever it says."""
        return False

    def answered(self, sent_at: float) -> None:  # noqa: B027 - a hook
        """Note that a report was answered; it was sent at this time (seconds since the machine's start)."""

    def preflight(self) -> None:  # noqa: B027 - a hook
        """Raise a CloudwebError for what an operator must decide before anything is started."""

    def init_host(self) -> Sequence[str]:
        """Make the host be as its disk says; return one sentence for each thing that went wrong."""
        return ()

    def start_guests(self, lock: ScopeLock) -> None:  # noqa: B027 - a hook
        """Start what ran before the machine went down, each under the lock of its scope."""

    def report(self, *, full: bool) -> VersionedObject | None:
        """Return this domain's part of the next report; ``full`` asks for what is sent only on change."""
        return None

    def keeps(self, part: Any) -> bool:
        """Tell whether a part holds facts that must not be lost; they are told again until they were taken."""
        return False

    def reported(self, part: Any) -> None:  # noqa: B027 - a hook
        """Forget the facts of a part that the control plane has committed (OPERATIONS 46)."""

    def stop(self) -> None:  # noqa: B027 - a hook
        """Let go of what is open; guests and networks stay."""

    def leave_host(self) -> None:  # noqa: B027 - a hook
        """Take everything of this installation off the host, started or not (``make clean``)."""
