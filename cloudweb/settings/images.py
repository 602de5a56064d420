"""The image stores, read from the environment (docs/image-stores.md)."""

from __future__ import annotations

import re
from pathlib import Path

from cloudweb.conf import env

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")
_S3 = ("BUCKET", "ACCESS_KEY", "SECRET_KEY", "ENDPOINT", "REGION", "PREFIX", "ADDRESSING", "CA")
_S3_DEFAULTS = {"ADDRESSING": "auto"}
_S3_NEEDED = ("BUCKET", "ACCESS_KEY", "SECRET_KEY")


def image_stores(directory: Path) -> dict[str, dict[str, str]]:
    """Return IMAGE_STORES with the settings of each; nothing means one store in ``directory``.

    Raises ValueError with a sentence for a store that is not described well enough.
    """
    return {name: _one(name, directory) for name in env.list("IMAGE_STORES", default=[])}


def _one(name: str, directory: Path) -> dict[str, str]:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"IMAGE_STORES: {name!r} is no name of a store (a-z, 0-9, dash, underscore)."
        )
    prefix = f"IMAGE_STORE_{name.upper().replace('-', '_')}"
    kind = env.str(f"{prefix}_TYPE", default="file")
    values = {"kind": kind, "description": env.str(f"{prefix}_DESCRIPTION", default="")}
    if kind == "file":
        return values | {"path": env.str(f"{prefix}_PATH", default=str(directory / name))}
    if kind != "s3":
        raise ValueError(f"{prefix}_TYPE is {kind!r}; a store is of type file or s3.")
    for word in _S3:
        value = env.str(f"{prefix}_{word}", default=_S3_DEFAULTS.get(word, ""))
        if word in _S3_NEEDED and not value:
            raise ValueError(f"The image store {name} needs {prefix}_{word}.")
        values[word.lower()] = value
    return values
