"""Log-in by password where a directory keeps the password."""

from __future__ import annotations

import threading
import time
from functools import partial

from cloudweb.throttle import admit
from identity.directories.conf import Directory, directories, directory_of
from identity.directories.exceptions import DirectoryUnavailable
from identity.directories.shadows import refresh
from identity.models import Domain, User
from identity.models.user import Source

#: How many ask one directory at once; a slow one must not occupy every thread of the API.
AT_ONCE = 4
#: A directory that failed is left alone for so many seconds: its users get their 503 at once.
REST = 5.0
_gates: dict[str, threading.BoundedSemaphore] = {}
_resting_until: dict[str, float] = {}
_lock = threading.Lock()


def directory_behind(domain: Domain | None, user: User | None) -> Directory | None:
    """Return the directory that keeps a log-in's password; None if this cloud does.

    ``user`` is the row of that name, if there is one; users of this cloud may live in a domain of a
    directory, and keep their names.
    """
    if domain is None or not directories() or (user is not None and user.source != Source.LDAP):
        return None
    return directory_of(domain.name)


def log_in(
    directory: Directory, domain: Domain, *, user: User | None, name: str, password: str
) -> User | None:
    """Return the user, refreshed from the directory; None for a wrong user or password.

    ``user`` is given where the log-in names an id; else ``name`` counts. Raises DirectoryUnavailable,
    TooManyRequests.
    """
    if not password or not (user or name) or not domain.enabled:
        return None
    from identity.directories import client  # loads the LDAP libraries

    wanted = client.by_id(directory, user.external_id) if user else client.by_name(directory, name)
    with _Turn(directory):
        entry = client.authenticate(directory, wanted, password, found=partial(_count, directory))
    return refresh(domain, entry) if entry is not None else None


def _count(directory: Directory, dn: str) -> None:
    """Count an attempt for the entry it is about: a directory takes a name in many spellings."""
    admit("login", f"{directory.domain} {dn.casefold()}")


class _Turn:
    """A turn to ask a directory; refused while it rests after a failure or too many ask."""

    def __init__(self, directory: Directory) -> None:
        self.domain = directory.domain
        self.timeout = directory.timeout
        with _lock:
            self.gate = _gates.setdefault(directory.domain, threading.BoundedSemaphore(AT_ONCE))

    def __enter__(self) -> None:
        if time.monotonic() < _resting_until.get(self.domain, 0.0):
            raise DirectoryUnavailable(self.domain, detail="it failed a moment ago")
        if not self.gate.acquire(timeout=self.timeout):
            raise DirectoryUnavailable(self.domain, detail="too many ask it at once")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.gate.release()
        if kind is not None and issubclass(kind, DirectoryUnavailable):
            _resting_until[self.domain] = time.monotonic() + REST
