"""New keys for what is encrypted, and for what is signed with SECRET_KEY; safe to interrupt and repeat.

A new key is written first and used by every process from then on; rows follow, each by one statement
that leaves alone what somebody else wrote meanwhile; keys that nothing needs any more go last.
"""

from __future__ import annotations

import contextlib
import fcntl
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.db import models

from cloudweb import encryption
from cloudweb.conf import var_dir
from cloudweb.keeping import kept_secret, replace_private

#: Whoever encrypted with the key before has committed after so many seconds.
STILL_WRITTEN = 3600
_BATCH = 200


class TooEarly(Exception):
    """The newest key is so young that something may still be written with the one before."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The newest key is {int(seconds // 60)} minutes old, and a request may still be writing "
            f"with the one before. Wait until it is {STILL_WRITTEN // 60}, or stop the cloud and give "
            "--at-once."
        )


@dataclass(slots=True)
class Rows:
    """What happened to the encrypted values; ``lost`` names those that no key opens."""

    renewed: int = 0
    lost: list[str] = field(default_factory=list)


def encrypted_columns() -> Iterator[tuple[type[models.Model], str]]:
    """Yield each column that holds encrypted text, as the apps declare them (``encrypted_columns``)."""
    for app in apps.get_app_configs():
        for model, names in getattr(app, "encrypted_columns", {}).items():
            for name in names:
                yield apps.get_model(app.label, model), name


def add_key() -> bool:
    """Make a new key the first one; False where a rotation was begun and not finished."""
    with _alone():
        known = encryption.keys()
        if len(known) > 1:
            return False
        _write(encryption.key_file(), [Fernet.generate_key().decode(), *known])
        return True


def renew_rows() -> Rows:
    """Bring every encrypted value under the newest key."""
    done = Rows()
    for model, name in encrypted_columns():
        _renew(model, name, done)
    return done


def forget_keys(*, at_once: bool = False, say: Callable[[str], object] = lambda _: None) -> Rows:
    """Renew what is left and drop all keys but the newest; raise TooEarly unless ``at_once``."""
    with _alone():
        age = time.time() - encryption.key_file().stat().st_mtime
        newest, *older = encryption.keys()
        if older and age < STILL_WRITTEN and not at_once:
            raise TooEarly(age)
        done = renew_rows()
        if older:
            _write(encryption.key_file(), [newest])
            say(f"{len(older)} key(s) forgotten")
        return done


def _renew(model: type[models.Model], name: str, done: Rows) -> None:
    everything: models.QuerySet[Any] = models.QuerySet(model)
    rows = everything.exclude(**{name: ""}).order_by("pk").values_list("pk", name)
    batch = list(rows[:_BATCH])
    while batch:
        for key, token in batch:
            try:
                fresh = encryption.renewed(token)
            except InvalidToken:
                done.lost.append(f"{model._meta.label} {key} {name}")
                continue
            if fresh is not None:
                same = everything.filter(**{"pk": key, name: token})
                done.renewed += same.update(**{name: fresh})
        batch = list(rows.filter(pk__gt=batch[-1][0])[:_BATCH])


# SECRET_KEY


def signing_file() -> Path:
    """Return where SECRET_KEY is kept, and after it the fallbacks."""
    return var_dir() / "secrets" / "secret_key"


def add_signing_key() -> None:
    """Put a new SECRET_KEY before the one there is; processes take it when they start."""
    with _alone():
        known = kept_secret(signing_file()).split()
        _write(signing_file(), [secrets.token_urlsafe(48), *known])


def forget_signing_keys() -> int:
    """Drop all fallbacks; return how many there were."""
    with _alone():
        newest, *older = kept_secret(signing_file()).split()
        if older:
            _write(signing_file(), [newest])
        return len(older)


def _write(path: Path, lines: list[str]) -> None:
    replace_private(path, "".join(f"{line}\n" for line in lines))


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time change the files of keys."""
    path = var_dir() / "secrets" / "rotation.lock"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
