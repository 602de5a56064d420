"""Files that a server's user sends along: checked, kept encrypted, and given to the guest's config drive."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from cloudweb.encryption import decrypt, encrypt
from cloudweb.exceptions import InvalidInput
from identity import quotas
from instances import quota
from instances.exceptions import InjectedFilesOverLimit


@dataclass(frozen=True, slots=True)
class InjectedFile:
    """One file: where the guest finds it, and what is in it."""

    path: str
    contents: bytes

    @classmethod
    def of_base64(cls, path: str, text: str) -> Self:
        """Return one whose contents came as base64, with line ends as some clients put them in."""
        try:
            contents = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            reason = "Contents must be base64."
            raise InvalidInput(field="personality", value=None, reason=reason) from error
        return cls(path, contents)


def kept(project_id: str, files: Sequence[InjectedFile]) -> str:
    """Return what is kept of files; nothing of none.

    Raises InjectedFilesOverLimit for too many files, or for paths and contents of more bytes than the
    project's quota allows.
    """
    if not files:
        return ""
    limits = quotas.limits(project_id, quota.SERVICE)
    for found, name, words in (
        (len(files), "injected_files", "Personality file limit exceeded"),
        (
            max(len(file.path.encode()) for file in files),
            "injected_file_path_bytes",
            "Personality file path exceeds maximum {}",
        ),
        (
            max(len(file.contents) for file in files),
            "injected_file_content_bytes",
            "Personality file content exceeds maximum {}",
        ),
    ):
        if found > limits[name] >= 0:
            raise InjectedFilesOverLimit(words.format(limits[name]))
    return encrypt(
        json.dumps([(file.path, base64.b64encode(file.contents).decode()) for file in files])
    )


def read(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield path and contents of each file that was kept."""
    for path, content in json.loads(decrypt(text)) if text else ():
        yield path, base64.b64decode(content)
