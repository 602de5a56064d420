"""Which broker this release uses."""

from __future__ import annotations

from cloudweb.exceptions import CloudwebError


class BrokerRefused(CloudwebError):
    """The configured broker is one this release does not use."""

    code = "broker_refused"


SCHEME = "redis+socket://"


def socket_of(url: str) -> str:
    """Return the path of the Unix socket in a broker's URL."""
    return url.removeprefix(SCHEME).partition("?")[0]


def check_broker(url: str) -> str:
    """Return the URL; raise BrokerRefused for anything but a Redis on a Unix socket of this machine."""
    if not url.startswith(SCHEME):
        raise BrokerRefused(
            "BROKER_URL must be this installation's private Redis (redis+socket:///path): hosts have no "
            "broker users of their own yet, so a shared broker would let each host read the others' orders."
        )
    return url
