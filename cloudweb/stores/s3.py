"""A store in an S3 bucket: multipart uploads that hold one part in memory, reads by ranges.

Nobody is told of an object before its row names it, so ``keep`` has nothing left to do.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, cast
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings

from cloudweb.stores.base import Incoming, Store
from cloudweb.stores.exceptions import StoreFull, StoreUnavailable

MIB = 1024**2
#: S3 takes at most 10,000 parts of at least 5 MiB (the last may be smaller).
LEAST_PART = 8 * MIB
MOST_PARTS = 10_000
#: A read asks for this much at a time, so that leaving off costs no connection.
WINDOW = 8 * MIB
_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchUpload", "NotFound"})
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "EntityTooLarge", "InsufficientStorage"})


@dataclass(frozen=True, slots=True)
class S3Settings:
    """Where the bucket is. ``prefix`` goes before every key, for a bucket that is shared."""

    bucket: str
    access_key: str
    secret_key: str
    endpoint: str = ""
    region: str = ""
    prefix: str = ""
    addressing: str = "auto"
    ca: str = ""


class S3Store(Store):
    """One object for each key."""

    kind = "s3"

    def __init__(self, where: S3Settings, client: Any = None) -> None:
        self.where = where
        self.client: Any = client or boto3.session.Session(
            aws_access_key_id=where.access_key, aws_secret_access_key=where.secret_key
        ).client(
            "s3",
            endpoint_url=where.endpoint or None,
            region_name=where.region or "us-east-1",
            verify=where.ca or None,
            config=Config(
                connect_timeout=5,
                read_timeout=60,
                retries={"mode": "standard", "max_attempts": 4},
                s3={"addressing_style": where.addressing},
                # Stores that are not Amazon's know no newer checksums; each part carries its MD5.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                proxies={},
            ),
        )

    def place(self, key: str) -> dict[str, str]:
        """Return the object that holds a key."""
        return {"Bucket": self.where.bucket, "Key": f"{self.where.prefix}{key}"}

    def receive(self, key: str, *, expected: int | None) -> Incoming:
        """Begin an object; whether there is room is known only when it is written."""
        largest = settings.IMAGE_MAX_SIZE if expected is None else expected
        return IncomingObject(self, key, part=max(LEAST_PART, -(-largest // MOST_PARTS)))

    def put(self, key: str, data: bytes) -> None:
        """Send it in one piece: there is nothing unfinished to clear up."""
        with translated():
            self.client.put_object(**self.place(key), Body=data, ContentMD5=_md5(data))

    def open(self, key: str) -> BinaryIO:
        """Open the object for reading."""
        with translated():
            size = int(self.client.head_object(**self.place(key))["ContentLength"])
        raw = ObjectReader(self, key, size=size)
        return cast(BinaryIO, io.BufferedReader(raw, buffer_size=256 * 1024))

    def delete(self, key: str) -> None:
        """Delete the object; an absent one is fine."""
        with translated():
            self.client.delete_object(**self.place(key))

    def keys(self, prefix: str) -> Iterator[str]:
        """List the objects; a thousand come with each answer."""
        begin = {"Bucket": self.where.bucket, "Prefix": f"{self.where.prefix}{prefix}"}
        with translated():
            for page in self.client.get_paginator("list_objects_v2").paginate(**begin):
                for found in page.get("Contents", ()):
                    yield found["Key"].removeprefix(self.where.prefix)

    def inside(self, folder: str) -> S3Store:
        """Put the folder before every key, over the same connections."""
        return S3Store(replace(self.where, prefix=f"{self.where.prefix}{folder}/"), self.client)

    def reap(self, keep: Callable[[str], bool], *, older_than: timedelta) -> list[str]:
        """Delete objects nobody keeps, and abort multipart uploads nobody goes on with."""
        before = datetime.now(UTC) - older_than
        removed = []
        with translated():
            for key in self._objects(before):
                if not keep(key):
                    self.client.delete_object(**self.place(key))
                    removed.append(key)
            for key, upload_id in self._unfinished(before):
                if not keep(key):
                    self._abort(key, upload_id)
                    removed.append(key)
        return removed

    def _objects(self, before: datetime) -> Iterator[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(**self._mine(), Delimiter="/")
        for page in pages:
            for found in page.get("Contents", ()):
                if found["LastModified"] < before:
                    yield found["Key"].removeprefix(self.where.prefix)

    def _unfinished(self, before: datetime) -> Iterator[tuple[str, str]]:
        pages = self.client.get_paginator("list_multipart_uploads").paginate(**self._mine())
        for page in pages:
            for found in page.get("Uploads", ()):
                key = found["Key"].removeprefix(self.where.prefix)
                if found["Initiated"] < before and "/" not in key:
                    yield key, found["UploadId"]

    def _mine(self) -> dict[str, str]:
        return {"Bucket": self.where.bucket, "Prefix": self.where.prefix}

    def _abort(self, key: str, upload_id: str) -> None:
        try:
            self.client.abort_multipart_upload(**self.place(key), UploadId=upload_id)
        except ClientError as error:
            if _code(error) not in _ABSENT:
                raise

    def url(self, key: str) -> str:
        """Name the object, without what gives access to it."""
        place = self.place(key)
        return f"s3://{place['Bucket']}/{quote(place['Key'])}"

    def facts(self) -> Mapping[str, str]:
        """Say which bucket it is."""
        return {
            "s3_store_host": self.where.endpoint,
            "s3_store_bucket": self.where.bucket,
            "s3_store_region_name": self.where.region,
        }


class IncomingObject:
    """An object being written; one part of it is in memory."""

    def __init__(self, store: S3Store, key: str, *, part: int) -> None:
        self._store, self._key, self._part_size = store, key, part
        self._buffer = bytearray()
        self._parts: list[dict[str, Any]] = []
        self._upload_id = ""
        self._complete = False

    def write(self, chunk: bytes) -> None:
        """Add bytes; every full part is sent."""
        self._buffer += chunk
        while len(self._buffer) >= self._part_size:
            part = bytes(self._buffer[: self._part_size])
            del self._buffer[: self._part_size]
            self._send(part)

    def _send(self, part: bytes) -> None:
        number = len(self._parts) + 1
        place = self._store.place(self._key)
        with translated():
            if not self._upload_id:
                self._upload_id = self._store.client.create_multipart_upload(**place)["UploadId"]
            sent = self._store.client.upload_part(
                **place,
                UploadId=self._upload_id,
                PartNumber=number,
                Body=part,
                ContentMD5=_md5(part),
            )
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})

    def sync(self) -> None:
        """Send the rest and complete the object; a small one goes in one piece."""
        place, rest = self._store.place(self._key), bytes(self._buffer)
        self._buffer = bytearray()
        if self._upload_id:
            if rest:
                self._send(rest)
            with translated():
                self._store.client.complete_multipart_upload(
                    **place, UploadId=self._upload_id, MultipartUpload={"Parts": self._parts}
                )
        else:
            with translated():
                self._store.client.put_object(**place, Body=rest, ContentMD5=_md5(rest))
        self._complete = True

    def open(self) -> BinaryIO:
        """Read the object."""
        return self._store.open(self._key)

    def keep(self) -> None:
        """The object is there already."""

    def drop(self) -> None:
        """Delete the object, or abort what was sent of it; what cannot be, the reaper removes."""
        self._buffer = bytearray()
        try:
            if self._complete:
                self._store.delete(self._key)
            elif self._upload_id:
                with translated():
                    self._store._abort(self._key, self._upload_id)  # noqa: SLF001 - its own part
        except StoreUnavailable:
            return


class ObjectReader(io.RawIOBase):
    """An object as a seekable file: a window of it is on the way at a time."""

    def __init__(self, store: S3Store, key: str, *, size: int) -> None:
        self._store, self._key, self._size = store, key, size
        self._at = 0
        self._body: Any = None
        self._left = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; another window is asked for at the next read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        target = max(0, base + offset)
        if target != self._at:
            self._leave()
            self._at = target
        return self._at

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def readinto(self, into: Any) -> int:
        """Read what comes next, at most to the end of the window."""
        view = memoryview(into).cast("B")
        if self._at >= self._size or not view:
            return 0
        with translated():
            if not self._left:
                self._ask()
            chunk: bytes = self._body.read(min(len(view), self._left))
        if not chunk:
            raise StoreUnavailable(detail=f"{self._key} broke off at {self._at}")
        view[: len(chunk)] = chunk
        self._at += len(chunk)
        self._left -= len(chunk)
        if not self._left:
            self._leave()
        return len(chunk)

    def _ask(self) -> None:
        stop = min(self._at + WINDOW, self._size)
        answer = self._store.client.get_object(
            **self._store.place(self._key), Range=f"bytes={self._at}-{stop - 1}"
        )
        self._body, self._left = answer["Body"], stop - self._at

    def _leave(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body, self._left = None, 0

    def close(self) -> None:
        """Leave the window."""
        self._leave()
        super().close()


@contextmanager
def translated() -> Iterator[None]:
    """Turn the client library's errors into ours; they name hosts and keys, which tenants are not told."""
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code in _ABSENT:
            raise FileNotFoundError(str(error)) from error
        if code in _FULL:
            raise StoreFull(detail=str(error)) from error
        raise StoreUnavailable(detail=str(error)) from error
    except BotoCoreError as error:
        raise StoreUnavailable(detail=str(error)) from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _md5(part: bytes) -> str:
    return base64.b64encode(hashlib.md5(part, usedforsecurity=False).digest()).decode()
