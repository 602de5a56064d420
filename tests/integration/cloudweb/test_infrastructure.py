"""The suite's own servers are what they claim to be."""

from __future__ import annotations

from pathlib import Path

import psycopg
import redis

from cloudweb.settings.control import database


def test_redis_answers_on_its_socket(redis_socket: Path) -> None:
    client = redis.Redis(unix_socket_path=str(redis_socket))
    assert client.ping()
    assert client.config_get("port")["port"] == "0"


def test_postgresql_is_reached_by_the_url_django_reads(
    postgresql_url: str, monkeypatch: object
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgresql_url)  # type: ignore[attr-defined]
    config = database("sqlite:///unused")
    with psycopg.connect(host=config["HOST"], dbname=config["NAME"]) as connection:
        assert connection.info.server_version > 140000
