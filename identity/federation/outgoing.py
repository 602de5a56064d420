"""Requests to identity providers: their hosts alone, little time, little data, no redirects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import orjson

from cloudweb.version import RELEASE
from identity.federation.client import OidcClient
from identity.federation.exceptions import ProviderUnavailable

if TYPE_CHECKING:
    import httpx

TIMEOUT, TO_CONNECT = 5.0, 3.0  # seconds
LARGEST = 1_048_576


def fetch(
    client: OidcClient,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    bearer: str | None = None,
    refusals: tuple[int, ...] = (),
) -> tuple[int, dict[str, Any]]:
    """GET (or POST a form as the registered client); return the status and the JSON object.

    Raises ProviderUnavailable for anything but 200 and the statuses in ``refusals``.
    """
    import httpx  # a cloud without identity providers does not load it

    if not client.accepts(url):
        raise ProviderUnavailable(client.provider_id, detail=f"{url!r} is not on its hosts")
    headers = {"Accept": "application/json", "User-Agent": f"Cloudweb/{RELEASE}"}
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    data, basic = _as_client(client, form) if form is not None else (None, None)
    try:
        with (
            httpx.Client(
                timeout=httpx.Timeout(TIMEOUT, connect=TO_CONNECT), follow_redirects=False
            ) as session,
            session.stream(
                "GET" if form is None else "POST",
                url,
                headers=headers,
                data=data,
                auth=basic or httpx.USE_CLIENT_DEFAULT,
            ) as answer,
        ):
            body = _limited(answer)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        detail = f"{url}: {type(error).__name__}: {error}"
        raise ProviderUnavailable(client.provider_id, detail=detail) from error
    if answer.status_code != httpx.codes.OK and answer.status_code not in refusals:
        detail = f"{url} answered {answer.status_code}"
        raise ProviderUnavailable(client.provider_id, detail=detail)
    return answer.status_code, _object(client, url, body)


def _as_client(
    client: OidcClient, form: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, str] | None]:
    """Return the form and the basic credentials that say who asks (RFC 6749 section 2.3.1)."""
    if not client.client_secret:
        return {**form, "client_id": client.client_id}, None
    return dict(form), (quote_plus(client.client_id), quote_plus(client.client_secret))


def _limited(answer: httpx.Response) -> bytes:
    body = b""
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > LARGEST:
            raise ValueError("the answer is too large")
    return body


def _object(client: OidcClient, url: str, body: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ProviderUnavailable(client.provider_id, detail=f"{url}: no JSON object")
    return found
