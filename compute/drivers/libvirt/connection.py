"""One connection to libvirt for all threads: opened when needed, opened again after it broke.

libvirt's handles may be shared by threads. The lock here guards which connection is the current one; it
is held while one is opened, for a limited time, and never over any other question to libvirt.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress

import libvirt
import structlog

from cloudweb.driver import DriverError, TransientDriverError
from compute.drivers.base import GuestNotFound, HypervisorUnavailable

log = structlog.get_logger(__name__)

#: Each second, since libvirt's client may let a call wait until then while another one waits for its answer (9.0).
KEEPALIVE_SECONDS, KEEPALIVE_MISSES = 1, 20
#: A daemon that hangs accepts connections and never answers; libvirt itself would wait for ever.
OPEN_SECONDS = 60.0
NO_ANSWER = "The hypervisor does not answer just now."

#: The order itself is wrong; no other host would do better.
FINAL = frozenset(
    {
        libvirt.VIR_ERR_XML_ERROR,
        libvirt.VIR_ERR_XML_DETAIL,
        libvirt.VIR_ERR_INVALID_ARG,
    }
)
#: What libvirt's and QEMU's own words mean for the tenant.
SENTENCES = (
    ("No space left", "The host's disk is full."),
    ("annot allocate memory", "The host has not enough free memory."),
    ("cannot set up guest memory", "The host has not enough free memory."),
    ("Permission denied", "The hypervisor may not open the guest's files."),
    ("Cannot get interface", "A network card of the guest is not on the host."),
    ("specified dev doesn't exist", "A network card of the guest is not on the host."),
    ("Unable to create tap", "A network card of the guest cannot be opened."),
)

_loop_lock = threading.Lock()
_loop_of_process: int | None = None


def run_event_loop() -> None:
    """Run libvirt's event loop in a thread of this process; once for all connections in it."""
    global _loop_of_process
    with _loop_lock:
        if _loop_of_process == os.getpid():
            return
        libvirt.registerErrorHandler(lambda _context, _error: None, None)
        libvirt.virEventRegisterDefaultImpl()
        threading.Thread(target=_loop, name="libvirt-events", daemon=True).start()
        _loop_of_process = os.getpid()


def _loop() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


class Connection:
    """The way to libvirt.

    ``find_uri`` is asked at each opening and may start what it names. ``on_event`` hears the id of
    each domain to which something happened, ``on_lost`` that news may have been missed; both are
    called in libvirt's event thread and must not ask libvirt anything. ``on_hang`` is called when what
    was opened does not answer.
    """

    def __init__(
        self,
        find_uri: Callable[[], str],
        *,
        on_event: Callable[[str], None],
        on_lost: Callable[[], None],
        on_hang: Callable[[], None] = lambda: None,
    ) -> None:
        self._find_uri, self._on_event, self._on_lost = find_uri, on_event, on_lost
        self._on_hang = on_hang
        self._lock = threading.Lock()
        self._opening: Future[libvirt.virConnect] | None = None
        self._current: libvirt.virConnect | None = None
        self._callback = 0
        self._worked = False

    def close(self) -> None:
        """Disconnect; harmless when there is no connection."""
        with self._lock:
            current, self._current = self._current, None
        if current is not None:
            with suppress(libvirt.libvirtError):
                current.unregisterCloseCallback()
                current.domainEventDeregisterAny(self._callback)
                current.close()

    @contextmanager
    def use(
        self, sentence: str = "The hypervisor could not do this."
    ) -> Iterator[libvirt.virConnect]:
        """Give the connection; turn libvirt's errors into GuestNotFound, TransientDriverError, DriverError.

        ``sentence`` is what a tenant reads when libvirt's own words do not say more.
        """
        current = self._open_for_order()
        try:
            yield current
        except libvirt.libvirtError as error:
            if not _is_alive(current):
                self._drop(current)
                raise TransientDriverError(NO_ANSWER, detail=str(error)) from error
            raise translated(error, sentence) from error

    def _open_for_order(self) -> libvirt.virConnect:
        """Open; once it did work, a libvirt that is away is a matter of time."""
        try:
            return self._open()
        except HypervisorUnavailable as error:
            if not self._worked:
                raise
            raise TransientDriverError(
                NO_ANSWER, detail=f"{error.message} {error.detail}"
            ) from error

    def _open(self) -> libvirt.virConnect:
        with self._lock:
            if self._current is not None and _is_alive(self._current):
                return self._current
            again = self._worked
            self._current = None
            uri = self._find_uri()
            run_event_loop()
            try:
                opened = self._open_within(uri, OPEN_SECONDS)
                with suppress(libvirt.libvirtError):  # not every driver of libvirt has it
                    opened.setKeepAlive(KEEPALIVE_SECONDS, KEEPALIVE_MISSES)
                opened.registerCloseCallback(self._closed, None)
                self._callback = opened.domainEventRegisterAny(
                    None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._event, None
                )
            except libvirt.libvirtError as error:
                raise unavailable(uri, str(error)) from error
            self._current, self._worked = opened, True
        if again:
            log.info("connected to libvirt again", uri=uri)
            self._on_lost()
        return opened

    def _open_within(self, uri: str, seconds: float) -> libvirt.virConnect:
        """Open in a thread that may be left hanging, one at most; raise HypervisorUnavailable then."""
        if self._opening is None:
            opening: Future[libvirt.virConnect] = Future()
            threading.Thread(
                target=_fulfil, args=(opening, uri), name="libvirt-open", daemon=True
            ).start()
            self._opening = opening
        try:
            opened = self._opening.result(timeout=seconds)
        except TimeoutError as error:
            self._on_hang()
            raise unavailable(uri, f"no answer within {seconds} s") from error
        except libvirt.libvirtError:
            self._opening = None
            raise
        self._opening = None
        return opened

    def _drop(self, broken: libvirt.virConnect) -> None:
        with self._lock:
            if self._current is broken:
                self._current = None
        with suppress(libvirt.libvirtError):
            broken.close()
        self._on_lost()

    def _closed(self, _connection: libvirt.virConnect, reason: int, _opaque: object) -> None:
        log.warning("the connection to libvirt broke", reason=reason)
        self._on_lost()

    def _event(
        self,
        _connection: object,
        domain: libvirt.virDomain,
        _event: int,
        _detail: int,
        _opaque: object,
    ) -> None:
        self._on_event(domain.UUIDString())


def translated(error: libvirt.libvirtError, sentence: str) -> DriverError:
    """Return libvirt's error as one of ours. What is not known to be final may work elsewhere."""
    code, text = error.get_error_code(), str(error)
    if code == libvirt.VIR_ERR_NO_DOMAIN:
        return GuestNotFound(detail=text)
    if code in FINAL:
        return DriverError(sentence, detail=text)
    found = next((said for words, said in SENTENCES if words in text), sentence)
    return TransientDriverError(found, detail=text)


def _fulfil(opening: Future[libvirt.virConnect], uri: str) -> None:
    try:
        opening.set_result(libvirt.open(uri))
    except libvirt.libvirtError as error:
        opening.set_exception(error)


def unavailable(uri: str, text: str) -> HypervisorUnavailable:
    """Return what an operator should do when libvirt cannot be reached."""
    if "authentication" in text.lower() or "ermission denied" in text:
        advice = "This user may not use libvirt: run as root, or join the group libvirt."
    else:
        advice = "libvirt does not answer: start libvirtd, or let Cloudweb run its own (LIBVIRT_URI=private)."
    return HypervisorUnavailable(advice, detail=f"{uri}: {text}")


def _is_alive(connection: libvirt.virConnect) -> bool:
    try:
        return connection.isAlive() == 1
    except libvirt.libvirtError:
        return False
