"""Clients against a live server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_started

from identity.bootstrap import bootstrap
from tests.builders.openstack import Command


@pytest.fixture
def openstack(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[Command]:
    """The command, for a cloud after its first minute."""
    settings.PUBLIC_URL = live_server.url
    clouds = tmp_path / "clouds.yaml"
    bootstrap(admin_password="operator", demo_password="demo", clouds_file=clouds)
    command = Command(clouds)
    request_started.connect(command.record)
    yield command
    request_started.disconnect(command.record)
