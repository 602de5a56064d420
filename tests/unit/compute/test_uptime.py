"""The line by which a host says how long it is up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compute import uptime

#: How the openstack command reads it.
READ = re.compile(r"\s*(.+)\sup\s+(.+),\s+(.+)\susers?,\s+load average:\s(.+)")


@pytest.mark.parametrize(
    ("seconds", "span"),
    [
        ("59.9", "0 min"),
        ("9180.1", " 2:33"),
        ("86400.0", "1 day, 0 min"),
        ("273180", "3 days,  3:53"),
    ],
)
def test_clients_can_read_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seconds: str, span: str
) -> None:
    (tmp_path / "uptime").write_text(f"{seconds} 1.0\n")
    log_ins = [7, 7, 8, 2]
    (tmp_path / "utmp").write_bytes(b"".join(bytes([kind]) + bytes(383) for kind in log_ins))
    monkeypatch.setattr(uptime, "_SECONDS", tmp_path / "uptime")
    monkeypatch.setattr(uptime, "_LOG_INS", tmp_path / "utmp")
    read = READ.fullmatch(uptime.line())
    assert read is not None
    assert re.fullmatch(r"\d\d:\d\d:\d\d", read[1])
    assert (read[2], read[3]) == (span.strip(), "2")
    assert re.fullmatch(r"(\d+\.\d\d(, )?){3}", read[4])


def test_a_machine_that_tells_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(uptime, "_SECONDS", tmp_path / "none")
    assert uptime.line() == ""
