"""What tests of image data share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builders.stores import s3_service


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The URL of an S3 service."""
    with s3_service() as url:
        yield url
