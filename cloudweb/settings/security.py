"""Who may ask, from where and how often; what browsers are told (settings of the control plane)."""

from __future__ import annotations

from typing import Any

from csp.constants import NONE, SELF

from cloudweb.broker import socket_of
from cloudweb.conf import env, throttles, trusted_proxies
from cloudweb.mounts import MOUNTS
from cloudweb.settings.common import BROKER_URL

#: Whose X-Forwarded headers are believed; ProxyMiddleware takes away all others.
TRUSTED_PROXIES = trusted_proxies()
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
USE_X_FORWARDED_HOST = True
PUBLIC_URL = env.str("PUBLIC_URL", default="").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
#: Without any of both, requests must name the address they came to (cloudweb/api/hosts.py).
HOSTS_BY_ADDRESS = not PUBLIC_URL and not ALLOWED_HOSTS
ALLOWED_HOSTS = ALLOWED_HOSTS or ["*"]
_HTTPS = PUBLIC_URL.startswith("https://")
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=0) if _HTTPS else 0
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
# A browser names the page's origin, which a proxy that is not trusted keeps from us.
CSRF_TRUSTED_ORIGINS = ["/".join(PUBLIC_URL.split("/")[:3])] if PUBLIC_URL else []
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False
CSRF_FAILURE_VIEW = "dashboard.views.errors.forged"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
#: Pages load scripts, styles and pictures from here alone.
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

#: Kind of request -> limits; counted in the Redis of the broker.
THROTTLES = throttles()
THROTTLE_SOCKET = socket_of(BROKER_URL)

#: How many of each thing a user may keep (identity/ceilings.py); 0: as many as he likes.
USER_LIMITS = {
    "credentials": env.int("USER_LIMIT_CREDENTIALS", default=200),
    "application_credentials": env.int("USER_LIMIT_APPLICATION_CREDENTIALS", default=200),
    "access_rules": env.int("USER_LIMIT_ACCESS_RULES", default=1000),
    "trusts": env.int("USER_LIMIT_TRUSTS", default=1000),
}
#: How many first answers to POSTs with an Idempotency-Key are kept for one project, each for a day.
IDEMPOTENCY_KEYS = env.int("IDEMPOTENCY_KEYS", default=10_000)

# Pages of other sites that may call the API with a token; cookies never count there.
_CORS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_ALL_ORIGINS = "*" in _CORS
CORS_ALLOWED_ORIGINS = [origin.rstrip("/") for origin in _CORS if origin != "*"]
CORS_URLS_REGEX = rf"^/({'|'.join(MOUNTS)})(/|$)"
CORS_ALLOW_HEADERS = [
    "accept", "authorization", "content-type", "idempotency-key", "if-match",
    "openstack-api-version", "openstack-auth-receipt", "x-auth-token", "x-openstack-nova-api-version",
    "x-openstack-request-id", "x-service-token", "x-subject-token",
]  # fmt: skip
CORS_ALLOW_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
CORS_EXPOSE_HEADERS = [
    "ETag", "Location", "OpenStack-API-Version", "Openstack-Auth-Receipt", "Retry-After", "WWW-Authenticate",
    "X-Compute-Request-Id", "X-OpenStack-Nova-API-Version", "X-OpenStack-Request-Id",
    "X-Subject-Token",
]  # fmt: skip
