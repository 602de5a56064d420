"""One image file over HTTP: resumed where a connection broke, verified by size and SHA-512."""

from __future__ import annotations

import hashlib
import os
import re
import time
from pathlib import Path
from typing import IO

import httpx
from oslo_utils.imageutils import format_inspector

from cloudweb.disks import qcow2, signatures
from cloudweb.disks.reading import BrokenDisk, Disk
from cloudweb.driver import DiskFull, DriverError, TransientDriverError, Work, is_full
from cloudweb.image_cache.source import ImageSource

CHUNK = 1024 * 1024
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
#: How often in a row a connection may break without a byte more than before.
FRUITLESS = 3
PAUSE = 0.5
#: Seconds between two looks at whether the work goes on, and two words on how far it is.
TICK = 0.5
_CONTENT_RANGE = re.compile(r"^bytes (\d+)-\d+/(\d+|\*)\Z")


class WrongContent(DriverError):
    """What the URL gave is not the image the order names."""

    code = "image_wrong_content"


class Download:
    """Brings a partial file to its end; what is there already is kept, over restarts too."""

    def __init__(self, source: ImageSource, partial: Path, work: Work) -> None:
        self.source = source
        self.partial = partial
        self.work = work
        self._digest = hashlib.sha512()
        self._done = 0
        self._told = 0.0

    def run(self) -> None:
        """Fetch what is missing, have it on disk and verify it.

        Raises TransientDriverError for trouble on the way (the partial file stays) and WrongContent
        (it is removed).
        """
        resumed = self.partial.exists()
        try:
            self._fetch_all()
            self._verify()
        except WrongContent:
            self.partial.unlink(missing_ok=True)
            if not resumed:
                raise
            self._fetch_all()  # what an earlier process left may have been broken, not the image
            self._verify_or_remove()

    def _verify_or_remove(self) -> None:
        try:
            self._verify()
        except WrongContent:
            self.partial.unlink(missing_ok=True)
            raise

    def _fetch_all(self) -> None:
        self.work.checkpoint()
        try:
            with (
                self.partial.open("a+b") as file,
                httpx.Client(timeout=TIMEOUT, trust_env=False) as client,
            ):
                self._count_what_is_there(file)
                self._fetch(client, file)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if not is_full(error):
                raise
            self.partial.unlink(missing_ok=True)
            raise DiskFull("The host has no room for the image.", detail=str(error)) from error

    def _count_what_is_there(self, file: IO[bytes]) -> None:
        self._restart(file, keep=True)
        file.seek(0)
        while chunk := file.read(CHUNK):
            self._digest.update(chunk)
            self._done += len(chunk)
        if self._done > self.source.size:
            self._restart(file)

    def _restart(self, file: IO[bytes], *, keep: bool = False) -> None:
        self._digest, self._done = hashlib.sha512(), 0
        if not keep:
            file.seek(0)
            file.truncate()

    def _fetch(self, client: httpx.Client, file: IO[bytes]) -> None:
        fruitless = 0
        while self._done < self.source.size:
            before = self._done
            try:
                self._fetch_once(client, file)
            except (httpx.TransportError, TransientDriverError) as error:
                fruitless = fruitless + 1 if self._done <= before else 0
                if fruitless >= FRUITLESS:
                    raise TransientDriverError(
                        "The image could not be fetched from the cloud.", detail=repr(error)
                    ) from error
                self.work.checkpoint()
                time.sleep(PAUSE * fruitless)
            else:
                if self._done < self.source.size:
                    raise WrongContent(
                        "The image is shorter than announced.",
                        detail=f"{self._done} of {self.source.size} bytes",
                    )

    def _fetch_once(self, client: httpx.Client, file: IO[bytes]) -> None:
        headers = {"Accept-Encoding": "identity"}
        if self._done:
            headers["Range"] = f"bytes={self._done}-"
        with client.stream("GET", self.source.url, headers=headers) as answer:
            self._check_answer(answer, file)
            for chunk in answer.iter_raw():  # as it comes: what was held back would be lost
                if self._done + len(chunk) > self.source.size:
                    raise WrongContent("The image is longer than announced.")
                file.write(chunk)
                self._digest.update(chunk)
                self._done += len(chunk)
                self._tell()

    def _check_answer(self, answer: httpx.Response, file: IO[bytes]) -> None:
        """Make the file fit what comes: the rest, or all of it again; raise for anything else."""
        status = answer.status_code
        if status == 206:
            found = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != self._done:
                raise WrongContent("The cloud sent another part of the image than was asked for.")
        elif status == 200:
            self._restart(file)
        elif status == 416:
            raise WrongContent("The image is shorter than announced.")
        elif status in (404, 410):
            raise DriverError("The image does not exist any more.", detail=f"HTTP {status}")
        elif status in (401, 403, 408, 429) or status >= 500:  # a new order has a new signature
            raise TransientDriverError(
                "The image could not be fetched from the cloud.", detail=f"HTTP {status}"
            )
        else:
            raise DriverError("The image cannot be fetched.", detail=f"HTTP {status}")

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told < TICK and self._done < self.source.size:
            return
        self._told = now
        self.work.checkpoint()
        self.work.progress(self._done * 100 // max(1, self.source.size), "fetching the image")

    def _verify(self) -> None:
        if self._done != self.source.size or self._digest.hexdigest() != self.source.sha512:
            raise WrongContent(
                "The image is not what the cloud announced.",
                detail=f"{self._done} bytes, sha512 {self._digest.hexdigest()}",
            )


def digest(path: Path, work: Work) -> str:
    """Return the SHA-512 of a file, read through; raises Interrupted."""
    found = hashlib.sha512()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            work.checkpoint()
            found.update(chunk)
    return found.hexdigest()


def check_disk(path: Path, source: ImageSource) -> None:
    """Look once more at what a hypervisor is about to open; raise WrongContent.

    The control plane did so at the upload; this host does not rely on it.
    """
    expected = {"qcow2"} if source.disk_format == "qcow2" else {"raw", "gpt"}
    try:
        found = format_inspector.detect_file_format(str(path))
        if found is None or found.NAME not in expected:
            raise WrongContent(
                f"The image is not {source.disk_format}.", detail=f"it is {found and found.NAME}"
            )
        with path.open("rb") as file:
            if hidden := signatures.refused(file.read(signatures.FRONT)):
                raise WrongContent("The image is not safe to open.", detail=f"it is {hidden}")
            if found.NAME == "qcow2":
                found.safety_check()
                qcow2.check(Disk(file))
    except (
        BrokenDisk,
        format_inspector.ImageFormatError,
        format_inspector.SafetyCheckFailed,
    ) as error:
        raise WrongContent("The image is not safe to open.", detail=str(error)) from error
