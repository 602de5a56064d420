"""What tests ask of the network API's answers."""

from __future__ import annotations

from typing import Any

from tests.builders.identity import ApiClient

V2 = "/network/v2.0"


def names(client: ApiClient, path: str) -> list[str]:
    """Return the names in a list, in its order."""
    response = client.send("GET", V2 + path)
    assert response.status_code == 200, response.content
    return [row["name"] for row in next(iter(response.json().values()))]


def error_of(response: Any) -> tuple[int, str]:
    """Return an error's status and type."""
    return response.status_code, response.json()["NeutronError"]["type"]
