"""A browser without a screen: Django's client with a session, and what pages say."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from identity.models import User

PASSWORD = "right"


def browser_of(user: User) -> Client:
    """Return a client that is logged in as this user (made with PASSWORD)."""
    client = Client(raise_request_exception=False)
    assert client.login(username=user.name, password=PASSWORD)
    return client


def text_of(answer: Any) -> str:
    """Return the words of a page: no tags, white space folded."""
    page = re.sub(r"<(script|style|template)\b.*?</\1>", " ", answer.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def said(answer: Any) -> list[str]:
    """Return the messages that the next page will show."""
    return [str(message) for message in answer.wsgi_request._messages]
