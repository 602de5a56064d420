"""What tests of image data share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.testing import Cloud, cloud
from tests.builders.stores import s3_service


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The URL of an S3 service."""
    with s3_service() as url:
        yield url


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Cloud]:
    with cloud(tmp_path / "cloud") as made:
        yield made
