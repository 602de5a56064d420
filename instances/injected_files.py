"""Files that a server's user sends along: checked, kept encrypted, and given to the guest's config drive."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence

from cloudweb.encryption import decrypt, encrypt
from cloudweb.exceptions import InvalidInput
from identity import quotas
from instances import quota
from instances.exceptions import InjectedFilesOverLimit


def kept(project_id: str, files: Sequence[tuple[str, str]]) -> str:
    """Return what is kept of (path, base64) pairs; nothing of none.

    Raises InvalidInput for what is no base64, and InjectedFilesOverLimit for too many files, or for
    paths and contents of more bytes than the project's quota allows.
    """
    if not files:
        return ""
    decoded = [(path, _decoded(text)) for path, text in files]
    limits = quotas.limits(project_id, quota.SERVICE)
    for found, name, words in (
        (len(decoded), "injected_files", "Personality file limit exceeded"),
        (
            max(len(path.encode()) for path, _ in decoded),
            "injected_file_path_bytes",
            "Personality file path exceeds maximum {}",
        ),
        (
            max(len(content) for _, content in decoded),
            "injected_file_content_bytes",
            "Personality file content exceeds maximum {}",
        ),
    ):
        if found > limits[name] >= 0:
            raise InjectedFilesOverLimit(words.format(limits[name]))
    return encrypt(
        json.dumps([(path, base64.b64encode(content).decode()) for path, content in decoded])
    )


def read(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield path and contents of each file that was kept."""
    for path, content in json.loads(decrypt(text)) if text else ():
        yield path, base64.b64decode(content)


def _decoded(text: str) -> bytes:
    """Return the contents; some clients put line ends into base64."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(
            field="personality", value=None, reason="Contents must be base64."
        ) from error
