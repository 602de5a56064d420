"""The serial log: limited while it is written, read from its end over the cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from compute.drivers.libvirt.console import CHUNK, rotated, tail, trim


def lines(start: int, end: int) -> bytes:
    return b"".join(b"line %06d\n" % number for number in range(start, end))


def test_a_log_within_its_limit_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    assert not trim(log)
    log.write_bytes(lines(0, 10))
    assert not trim(log, limit=120, kept=50)
    assert log.read_bytes() == lines(0, 10)
    assert not rotated(log).exists()


def test_a_writer_that_appends_goes_on_over_the_cut(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    with log.open("ab", buffering=0) as guest:
        for start in range(0, 5000, 500):
            guest.write(lines(start, start + 500))
            trim(log, limit=10_000, kept=3_000)
            assert log.stat().st_size <= 10_000
            assert not rotated(log).exists() or rotated(log).stat().st_size == 3_000
        guest.write(lines(5000, 5010))
    assert tail(log, 250) == lines(5010 - 250, 5010)
    assert tail(log, None).endswith(lines(4800, 5010))


@pytest.mark.parametrize("length", [1, 2, 5000, CHUNK])
def test_the_last_lines_across_chunks(tmp_path: Path, length: int) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(lines(0, 20_000))
    assert tail(log, length) == lines(max(0, 20_000 - length), 20_000)
    with log.open("ab") as file:
        file.write(b"login: ")
    assert tail(log, 1) == b"login: "
    assert tail(log, 2) == lines(19_999, 20_000) + b"login: "


def test_a_carriage_return_ends_no_line(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    log.write_bytes(b"first\r\n10%\r20%\r30%\nlast\x0b\x85\r\n")
    assert tail(log, 2) == b"10%\r20%\r30%\nlast\x0b\x85\r\n"


def test_nothing_to_read(tmp_path: Path) -> None:
    log = tmp_path / "console.log"
    assert tail(log, None) == tail(log, 5) == b""
    log.write_bytes(b"")
    assert tail(log, 3) == b""
    log.write_bytes(b"a\nb\n")
    assert tail(log, 0) == b""
