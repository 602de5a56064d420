"""An S3 service that really speaks HTTP (moto's), and the settings of stores for tests."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

KEYS = {"access_key": "testing", "secret_key": "testing"}


@contextmanager
def s3_service() -> Iterator[str]:
    """Run the service on a free port of the loopback; give its URL."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def s3_client(endpoint: str) -> object:
    """Return a client that looks at the service from outside."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def s3_settings(endpoint: str) -> dict[str, str]:
    """Make a bucket; return the settings of a store in it."""
    bucket = f"images-{uuid.uuid4().hex[:12]}"
    s3_client(endpoint).create_bucket(Bucket=bucket)  # type: ignore[attr-defined]
    return {
        "kind": "s3", "description": "S3", "bucket": bucket, "endpoint": endpoint,
        "prefix": "cloud/", "addressing": "path", **KEYS,
    }  # fmt: skip


def file_settings(path: Path) -> dict[str, str]:
    """Return the settings of a store in a directory."""
    return {"kind": "file", "description": "", "path": str(path)}
