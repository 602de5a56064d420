"""Every route of OAuth 1.0a by everybody: consumers are the operators', tokens the user's own."""

from __future__ import annotations

from tests.builders.access import EVERYBODY, OPERATORS, READERS_OF_ALL
from tests.builders.identity_world import identity_test, line, operator, read, world

__all__ = ["world"]
CONSUMERS = "/OS-OAUTH1/consumers"
CONSUMER = f"{CONSUMERS}/{{consumer_id}}"
BODY = {"consumer": {"description": "d"}}
TOKENS = "/users/{user_id}/OS-OAUTH1/access_tokens"
TOKEN = f"{TOKENS}/{{access_token_id}}"
UNSIGNED = "a token is no signature: test_oauth1.test_a_user_lets_a_consumer_act"
OWN = READERS_OF_ALL | {"owner"}
LINES = [
    read("GET", CONSUMERS),
    operator("POST", CONSUMERS, 201, BODY),
    read("GET", CONSUMER),
    operator("PATCH", CONSUMER, 200, BODY),
    operator("DELETE", CONSUMER, 204),
    line("POST", "/OS-OAUTH1/request_token", EVERYBODY, 400, unfinished=UNSIGNED),
    line("POST", "/OS-OAUTH1/access_token", EVERYBODY, 400, unfinished=UNSIGNED),
    # Whoever has the role on the project may give it, and nobody else.
    line(
        "PUT",
        "/OS-OAUTH1/authorize/{request_token_id}",
        {"owner", "member", "manager", "admin"},
        body={"roles": [{"name": "member"}]},
    ),
    line("GET", TOKENS, OWN, refusal=404),
    line("GET", TOKEN, OWN, refusal=404),
    line("DELETE", TOKEN, OPERATORS | {"owner"}, 204, refusal=404),
    line("GET", f"{TOKEN}/roles", OWN, refusal=404),
    line("GET", f"{TOKEN}/roles/{{given_id}}", OWN, refusal=404),
]
test_access = identity_test(LINES)
