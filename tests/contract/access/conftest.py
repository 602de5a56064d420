"""Access tests share one world for a module."""

from __future__ import annotations

import pytest


@pytest.fixture
def _django_db_helper(django_db_setup: None) -> None:
    """Leave out pytest-django's transaction: each call has one of its own inside the world's."""
