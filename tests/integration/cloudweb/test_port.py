"""A port that is taken is said, with what to do."""

from __future__ import annotations

import socket

import pytest

from cloudweb.supervisor.preflight import CannotStart, _check_port


def test_a_taken_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("LISTEN", f"127.0.0.1:{port}")
        with pytest.raises(
            CannotStart, match=rf"Port {port} .* is taken.*LISTEN=.*:{port + 1} make run"
        ):
            _check_port()
    _check_port()


def test_an_address_of_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN", "192.0.2.1:8000")
    with pytest.raises(CannotStart, match=r"cannot listen on http://192\.0\.2\.1:8000"):
        _check_port()
