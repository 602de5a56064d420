"""What guests ask at 169.254.169.254, forwarded and signed by the proxy of their host."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from cloudweb.context import RequestContext
from cloudweb.exceptions import CloudwebError
from cloudweb.signing import BadSignature
from instances.guest_metadata import OPENSTACK_VERSIONS
from instances.manager.guest_metadata import GuestMetadataManager
from operations.conductor import key_of

MAX_AGE = 300


@csrf_exempt
@require_http_methods(["GET", "POST"])
def metadata(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answer a guest; 403 for a request no host of ours signed, 404 where there is nothing."""
    asker = asker_of(request)
    if asker is None:
        return _plain("This is not for you.", 403)
    manager = GuestMetadataManager(RequestContext.system())
    if request.method == "POST":
        return _posted(manager, path, request.body, asker)
    found = manager.document(**asker, path=path)
    if found is None:
        return _plain("Not Found", 404)
    kind = "application/json" if path.endswith(".json") else "text/plain; charset=utf-8"
    return HttpResponse(found, content_type=kind)


def asker_of(request: HttpRequest) -> dict[str, str] | None:
    """Return host, network and address of the guest that asks; None for what no host of ours signed."""
    headers = request.headers
    host = headers.get("X-Cloudweb-Host", "")
    network_id = headers.get("X-Cloudweb-Network", "")
    address = headers.get("X-Cloudweb-Address", "")
    stamp = headers.get("X-Cloudweb-Timestamp", "")
    said = f"{host}\n{network_id}\n{address}\n{stamp}\n{request.path.removeprefix('/metadata')}"
    if request.method == "POST":
        said += f"\nPOST\n{hashlib.sha256(request.body).hexdigest()}"
    elif request.method == "PUT":  # streamed: the path's own signature is the right to it
        said += "\nPUT\n"
    if not _signed(host, said, stamp, headers.get("X-Cloudweb-Signature", "")):
        return None
    return {"host": host, "network_id": network_id, "address": address}


def _posted(
    manager: GuestMetadataManager, path: str, body: bytes, asker: Mapping[str, str]
) -> HttpResponse:
    """Keep the password that a guest posts; nothing else can be posted."""
    parts = [part for part in path.split("/") if part]
    if len(parts) != 3 or (parts[0], parts[2]) != ("openstack", "password"):
        return _plain("Method Not Allowed", 405)
    if parts[1] not in OPENSTACK_VERSIONS:
        return _plain("Not Found", 404)
    try:
        is_there = manager.post_password(**asker, password=body)
    except CloudwebError as error:
        return _plain(error.message, error.status)
    return _plain("", 200) if is_there else _plain("Not Found", 404)


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(f"{text}\n", status=status, content_type="text/plain")


def _signed(host: str, said: str, stamp: str, signature: str) -> bool:
    try:
        key = key_of(host)
        fresh = abs(time.time() - float(stamp)) <= MAX_AGE
    except (BadSignature, ValueError):
        return False
    made = hmac.new(key, said.encode(), hashlib.sha256).hexdigest()
    return fresh and hmac.compare_digest(made.encode(), signature.encode())
