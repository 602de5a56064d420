"""Encryption at rest: what stands in the database and must be readable again.

The keys are lines of ``var/secrets/fernet``, newest first: the first one encrypts, each one decrypts.
Every process looks at the file's stamp before each use, so a new key counts at once, without a
restart. ``manage.py rotate_keys`` changes them (cloudweb/rotation.py).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from cloudweb.conf import var_dir
from cloudweb.keeping import kept_secret


@dataclass(frozen=True, slots=True)
class Box:
    """The keys as they stood in the file."""

    stamp: tuple[str, int, int, int]
    newest: Fernet
    all: MultiFernet


_box: Box | None = None
_lock = threading.Lock()


def key_file() -> Path:
    """Return where the keys are."""
    return var_dir() / "secrets" / "fernet"


def keys() -> list[str]:
    """Return the keys, newest first; draw one where there is none yet."""
    return kept_secret(key_file(), fresh=Fernet.generate_key().decode()).split()


def _opened() -> Box:
    global _box
    known, stamp = _box, _stamp()
    if known is not None and known.stamp == stamp:
        return known
    with _lock:
        stamp = _stamp()  # from before the read: at worst too old, then the next call reads again
        boxes = [Fernet(key) for key in keys()]
        _box = Box(stamp, boxes[0], MultiFernet(boxes))
        return _box


def _stamp() -> tuple[str, int, int, int]:
    path = key_file()
    try:
        found = path.stat()
    except FileNotFoundError:
        keys()
        found = path.stat()
    return str(path), found.st_ino, found.st_mtime_ns, found.st_size


def encrypt(text: str) -> str:
    """Return text as it may stand in the database."""
    return _opened().all.encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Return what was encrypted; raises cryptography's InvalidToken for anything else."""
    return _opened().all.decrypt(token.encode()).decode()


def renewed(token: str) -> str | None:
    """Return what was encrypted under the newest key; None if it is already.

    Raises cryptography's InvalidToken where no key fits.
    """
    box = _opened()
    try:
        box.newest.decrypt(token.encode())
    except InvalidToken:
        return box.all.rotate(token.encode()).decode()
    return None
