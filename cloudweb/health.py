"""``/healthz`` and ``/readyz``: whether this API process, and the cloud, can work now; no log-in."""

from __future__ import annotations

from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from cloudweb.database.migrated import all_are_applied
from cloudweb.driver import load_class
from cloudweb.restarts import restarts
from cloudweb.writing import writes

_migrated = False


def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when database, writes, migrations and broker are well, else 503; the body names each.

    It names, too, which processes of this machine had to be started again, for no progress or by their end.
    A broker that is away makes the cloud slow, not wrong, yet whoever balances load should know.
    """
    return _answer(_checks())


def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when also a host is up, so that a server could be built now, else 503."""
    checks = _checks()
    if checks["migrations"] == "ok":
        checks["hosts"] = "ok" if load_class(settings.HOST_IS_UP)() else "none is up"
    return _answer(checks)


def _checks() -> dict[str, str]:
    checks = {
        "database": _database(),
        "writes": writes(),
        "migrations": "unknown",
        "broker": _broker(),
    }
    if checks["database"] == "ok":
        checks["migrations"] = _migrations()
    return checks


def _answer(checks: dict[str, str]) -> JsonResponse:
    well = all(state == "ok" for state in checks.values())
    body: dict[str, Any] = {"status": "ok" if well else "unavailable", "checks": checks}
    if again := restarts():
        body["restarts"] = again
    answer = JsonResponse(body, status=200 if well else 503)
    answer._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001  # no fault of the API: whoever asks acts on it
    return answer


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "unreachable"
    return "ok"


def _migrations() -> str:
    """Look once until all are there: what was migrated stays migrated."""
    global _migrated
    if not _migrated:
        try:
            _migrated = all_are_applied(connection)
        except DatabaseError:
            return "unreachable"
    return "ok" if _migrated else "pending"


def _broker() -> str:
    client = redis.Redis(unix_socket_path=str(settings.BROKER_SOCKET), socket_timeout=1)
    try:
        client.ping()
    except redis.RedisError:
        return "unreachable"
    finally:
        client.close()
    return "ok"
