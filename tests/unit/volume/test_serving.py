"""What is served to ourselves is let go of before anybody else opens it."""

from __future__ import annotations

import fcntl
from pathlib import Path

from tests.builders.slow_process import start_slow_to_go
from volume.drivers import serving


def test_a_server_that_ends_is_waited_for_until_its_files_are_closed(tmp_path: Path) -> None:
    pid, locked = start_slow_to_go(tmp_path, 0.5)
    serving._wait_for_end(pid)
    with locked.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
