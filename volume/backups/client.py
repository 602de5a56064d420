"""How a host moves backups: to and from the API over HTTP, by URLs that are signed for one transfer."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from cloudweb.driver import DiskFull, DriverError, TransientDriverError, Work
from volume.backups.exceptions import BackupDamaged
from volume.backups.framing import framed
from volume.backups.manifest import MAX_BLOCK
from volume.backups.objects import BackupTerms
from volume.backups.sealing import OVERHEAD
from volume.backups.taking import Chunk

TIMEOUT = httpx.Timeout(60.0, connect=10.0)
#: How often one request is tried, and how long the first pause is (seconds, twice as long each time).
TRIES, PAUSE = 4, 0.5
_TRANSIENT = (408, 425, 429)
_DIGEST = 32
#: The server takes large bodies of this type alone.
BINARY = {"Content-Type": "application/octet-stream"}


class BackupClient:
    """One transfer; not for several threads at once. All methods raise TransientDriverError, DriverError."""

    def __init__(
        self,
        *,
        url: str,
        signature: str,
        work: Work,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url, self._work = url.rstrip("/"), work
        self._http = httpx.Client(
            timeout=TIMEOUT,
            trust_env=False,
            transport=transport,
            params={"signature": signature},
            headers={"Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def terms(self) -> BackupTerms:
        """Return how blocks become chunks."""
        return BackupTerms.load(self._ask("GET", "terms").json())

    def parent(self) -> bytes:
        """Return the manifest of the backup before."""
        gone = DriverError("The backup before this one cannot be read. Take a full one.")
        return self._ask("GET", "parent", gone=gone).content

    def manifest(self) -> bytes:
        """Return the manifest of the backup that is restored."""
        gone = BackupDamaged("The backup's manifest is gone or was changed.")
        return self._ask("GET", "manifest", gone=gone).content

    def known(self) -> Collection[bytes]:
        """Return which chunks of this backup are there already."""
        data = self._ask("GET", "chunks").content
        return {data[at : at + _DIGEST] for at in range(0, len(data), _DIGEST)}

    def put(self, chunks: Sequence[Chunk]) -> None:
        """Store chunks."""
        self._ask("PUT", "chunks", content=framed(chunks), headers=BINARY)

    def put_manifest(self, data: bytes) -> None:
        """Say what the backup is."""
        self._ask("PUT", "manifest", content=data, headers=BINARY)

    def get(self, origin: str, digest: bytes) -> bytes:
        """Return a chunk. Raises BackupDamaged where it is gone."""
        found = self._ask(
            "GET",
            f"chunks/{origin}/{digest.hex()}",
            gone=BackupDamaged("A chunk of the backup is gone."),
        )
        if len(found.content) > MAX_BLOCK + OVERHEAD:
            raise BackupDamaged("A chunk of the backup is damaged.", detail=digest.hex())
        return found.content

    def _ask(
        self, method: str, what: str, *, gone: Exception | None = None, **body: Any
    ) -> httpx.Response:
        for left in reversed(range(TRIES)):
            self._work.checkpoint()
            try:
                answer = self._http.request(method, f"{self._url}/{what}", **body)
            except httpx.TransportError as error:
                if not left:
                    raise TransientDriverError(
                        "The backup's store could not be reached.", detail=repr(error)
                    ) from error
            else:
                if answer.is_success:
                    return answer
                if gone is not None and answer.status_code == httpx.codes.NOT_FOUND:
                    raise gone
                if not left or not _may_pass(answer.status_code):
                    raise _refused(answer.status_code, what)
            time.sleep(PAUSE * 2 ** (TRIES - 1 - left))
        raise AssertionError("unreachable")


def _may_pass(status: int) -> bool:
    return status in _TRANSIENT or status in (500, 502, 503, 504)


def _refused(status: int, what: str) -> DriverError:
    detail = f"HTTP {status} for {what}"
    if status == httpx.codes.INSUFFICIENT_STORAGE:
        return DiskFull("The store of backups has no room left.", detail=detail)
    if _may_pass(status):
        return TransientDriverError("The store of backups is unavailable for now.", detail=detail)
    return DriverError("The cloud does not take this transfer (any more).", detail=detail)
