"""What guests ask at 169.254.169.254, forwarded and signed by the proxy of their host."""

from __future__ import annotations

import hashlib
import hmac
import time

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET

from cloudweb.context import RequestContext
from cloudweb.signing import BadSignature
from instances.manager.guest_metadata import GuestMetadataManager
from operations.conductor import key_of

MAX_AGE = 300


@csrf_exempt
@require_GET
def metadata(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answer a guest; 403 for a request no host of ours signed, 404 where there is nothing."""
    headers = request.headers
    host = headers.get("X-Cloudweb-Host", "")
    network_id = headers.get("X-Cloudweb-Network", "")
    address = headers.get("X-Cloudweb-Address", "")
    stamp = headers.get("X-Cloudweb-Timestamp", "")
    said = f"{host}\n{network_id}\n{address}\n{stamp}\n{request.path.removeprefix('/metadata')}"
    if not _signed(host, said, stamp, headers.get("X-Cloudweb-Signature", "")):
        return HttpResponse("This is not for you.\n", status=403, content_type="text/plain")
    manager = GuestMetadataManager(RequestContext.system())
    found = manager.document(host=host, network_id=network_id, address=address, path=path)
    if found is None:
        return HttpResponse("Not Found\n", status=404, content_type="text/plain")
    kind = "application/json" if path.endswith(".json") else "text/plain; charset=utf-8"
    return HttpResponse(found, content_type=kind)


def _signed(host: str, said: str, stamp: str, signature: str) -> bool:
    try:
        key = key_of(host)
        fresh = abs(time.time() - float(stamp)) <= MAX_AGE
    except (BadSignature, ValueError):
        return False
    made = hmac.new(key, said.encode(), hashlib.sha256).hexdigest()
    return fresh and hmac.compare_digest(made.encode(), signature.encode())
