"""Settings that control plane and hosts share, read from the environment in one place."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import environ

from cloudweb import topics
from cloudweb.addresses import parse_block

ROOT = Path(__file__).resolve().parent.parent
env = environ.Env()
_env_file = ROOT / ".env"
if _env_file.exists():
    env.read_env(str(_env_file))


@dataclass(frozen=True, slots=True)
class Intervals:
    """The clocks of the engine in seconds; tests shorten them, ratios stay (OPERATIONS)."""

    lease: float = 15.0
    order_retry: float = 30.0  # a WAITING operation is looked at again after this
    report: float = 10.0
    gather: float = 2.0  # reports that came meanwhile are written together
    host_down: float = 30.0
    sweep: float = 1.0
    long_order: float = 30.0  # an order that takes longer leaves its place to others
    lost_order: float = 15.0  # a STARTED step that no report names for this long was lost
    undo_retry: float = 300.0
    backoff: float = 2.0
    call: float = 5.0
    lost_ring: float = (
        5.0  # what nobody rang for, operation or periodic task, the sweep begins then
    )

    @classmethod
    def scaled(cls, factor: float) -> Intervals:
        """Return all intervals multiplied by a factor."""
        base = cls()
        return cls(**{name: getattr(base, name) * factor for name in cls.__slots__})


def var_dir() -> Path:
    """Return the directory of everything Cloudweb keeps on disk."""
    return Path(env.str("CLOUDWEB_VAR", default=str(ROOT / "var"))).resolve()


def intervals() -> Intervals:
    """Return the engine's clocks, scaled by CLOUDWEB_TIME_SCALE (tests use 0.05 or so)."""
    return _scaled(os.environ.get("CLOUDWEB_TIME_SCALE"))


@cache
def _scaled(_text: str | None) -> Intervals:
    return Intervals.scaled(env.float("CLOUDWEB_TIME_SCALE", default=1.0))


def listen_address() -> tuple[str, int]:
    """Return host and port of LISTEN (``host:port``, ``[v6]:port`` or a port of the loopback).

    Raises ValueError with a sentence when it is none of these.
    """
    text = env.str("LISTEN", default="") or "127.0.0.1:8000"
    found = re.fullmatch(r"(?:(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]+)):)?(\d{1,5})", text)
    if found is None or not 0 < int(found[3]) < 65536:
        raise ValueError(f"LISTEN is {text!r}; it must look like 127.0.0.1:8000 or [::1]:8000.")
    return found[1] or found[2] or "127.0.0.1", int(found[3])


def own_address() -> tuple[str, int]:
    """Return host and port by which this machine reaches its own API."""
    host, port = listen_address()
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104


def listen_url() -> str:
    """Return the URL by which this machine reaches its own API."""
    host, port = own_address()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def host_name() -> str:
    """Return the name under which this machine is a host (HOST_NAME, else its host name).

    Raises ValueError with a sentence for one that cannot be a topic.
    """
    name = env.str("HOST_NAME", default="") or socket.gethostname().lower()
    if not topics.HOST_NAME.fullmatch(name):
        raise ValueError(
            f"The host name {name!r} may hold only lower-case letters, digits, dots and dashes; "
            "choose another by the setting HOST_NAME."
        )
    return name


def watchdog() -> float:
    """Return after how many seconds without progress a process is started again (WATCHDOG; 0: never).

    Raises ValueError with a sentence for what is no such number.
    """
    text = env.str("WATCHDOG", default="").strip() or "120"
    if not re.fullmatch(r"\d{1,5}", text) or 0 < int(text) < 10:
        raise ValueError(
            f"WATCHDOG is {text!r}; it must be 0 (off) or a number of seconds from 10 up."
        )
    return float(text)


def log_level() -> str:
    """Return from which level on is logged (CLOUDWEB_LOG_LEVEL)."""
    return str(env.str("CLOUDWEB_LOG_LEVEL", default="INFO"))


def broker_socket() -> Path:
    """Return the Unix socket of this installation's own Redis."""
    return var_dir() / "run" / "redis.sock"


def broker_url() -> str:
    """Return where messages go (BROKER_URL)."""
    return str(env.str("BROKER_URL", default=f"redis+socket://{broker_socket()}"))


def api_threads() -> int:
    """Return how many requests the API works on at once."""
    return int(env.int("API_THREADS", default=16))


def beat_is_apart() -> bool:
    """Tell whether a process of its own rings for periodic tasks (BEAT=apart), not the control workers.

    Raises ValueError with a sentence for anything but ``inside`` and ``apart``.
    """
    where = env.str("BEAT", default="") or "inside"
    if where not in ("inside", "apart"):
        raise ValueError(f"BEAT is {where!r}; set inside or apart.")
    return bool(where == "apart")


def network_backend() -> str:
    """Return who makes networks real: ``linuxbridge``, each host, or ``ovn`` (NETWORK_BACKEND).

    Raises ValueError with a sentence for anything else.
    """
    name = env.str("NETWORK_BACKEND", default="") or "linuxbridge"
    if name not in ("linuxbridge", "ovn"):
        raise ValueError(f"NETWORK_BACKEND is {name!r}; set linuxbridge or ovn.")
    return str(name)


def drivers() -> str:
    """Return ``real`` or ``fake``: what the agents of this machine drive (DRIVERS)."""
    return env.str("DRIVERS", default="") or "real"


def trusted_proxies() -> list[IPv4Network | IPv6Network]:
    """Return the reverse proxies whose X-Forwarded headers are believed (TRUSTED_PROXIES).

    Raises ValueError with a sentence for a word that is no address or network.
    """
    found = []
    for word in env.list("TRUSTED_PROXIES", default=[]):
        try:
            found.append(parse_block(word))
        except ValueError as error:
            raise ValueError(
                f"TRUSTED_PROXIES holds {word!r}; its words are addresses or networks such as "
                "127.0.0.1 or 10.0.0.0/24."
            ) from error
    return found


#: Kind of request -> how often by default. Every ``openstack`` command logs in once.
THROTTLES = {
    "login": "240/minute",
    "login_address": "600/minute",
    "passcode": "10/minute;60/hour",
    "read": "",
    "write": "",
}


def throttles() -> dict[str, str]:
    """Return the limits in force (THROTTLE_LOGIN ...), each as ``<number>/<time>``, joined by ``;``.

    Empty with THROTTLE=off. Raises ValueError with a sentence for what is no limit.
    """
    if not env.bool("THROTTLE", default=True):
        return {}
    found = {}
    for kind, default in THROTTLES.items():
        name = f"THROTTLE_{kind.upper()}"
        text = env.str(name, default=default).strip()
        for part in filter(None, (part.strip() for part in text.split(";"))):
            if not re.fullmatch(r"[1-9]\d{0,8}/([1-9]\d{0,5} ?)?(second|minute|hour|day)s?", part):
                raise ValueError(
                    f"{name} is {text!r}; it must look like 10/minute or 5/second; 100/10 minutes."
                )
        if text:
            found[kind] = text
    return found
