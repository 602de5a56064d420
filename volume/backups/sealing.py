"""How a block becomes a chunk: compressed (zstd), encrypted (AES-256-GCM), and named by its digest.

A chunk is a version and flags (a byte each), then the payload; an encrypted payload is a nonce of 12
bytes and the ciphertext, bound to flags and digest. Without a key the digest is the block's SHA-256;
with one it is an HMAC, so that names tell nothing about blocks to who has not the key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from volume.backups.exceptions import BackupDamaged, BackupUnreadable
from volume.backups.manifest import MAX_BLOCK, Compression, Encryption

_VERSION = 1
_COMPRESSED, _ENCRYPTED = 1, 2
_NONCE, _TAG = 12, 16
KEY_SIZE = 32
LEVEL = 3
#: What a chunk may have on top of its block, which is stored as it is where compression gains nothing.
OVERHEAD = 2 + _NONCE + _TAG


def fresh_key() -> bytes:
    """Return a key for a new lineage."""
    return secrets.token_bytes(KEY_SIZE)


class Sealer:
    """Makes chunks of blocks and blocks of chunks. Not for several threads at once."""

    def __init__(self, *, compression: Compression = "zstd", key: bytes | None = None) -> None:
        if key is not None and len(key) != KEY_SIZE:
            raise BackupUnreadable("The backup's key is not as long as a key.")
        self.compression = compression
        self.encryption: Encryption = "none" if key is None else "aes-256-gcm"
        self._names = b"" if key is None else _derived(key, b"cloudweb backup names")
        self._cipher = None if key is None else AESGCM(_derived(key, b"cloudweb backup chunks"))
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=2 * MAX_BLOCK)

    def digest(self, block: bytes) -> bytes:
        """Return the name of a block's chunk."""
        if self._names:
            return hmac.digest(self._names, block, "sha256")
        return hashlib.sha256(block).digest()

    def seal(self, block: bytes, digest: bytes) -> bytes:
        """Return the chunk."""
        flags, payload = 0, block
        if self.compression == "zstd":
            packed = self._compressor.compress(block)
            if len(packed) < len(block):
                flags, payload = _COMPRESSED, packed
        if self._cipher is not None:
            flags |= _ENCRYPTED
            front = bytes((_VERSION, flags))
            nonce = secrets.token_bytes(_NONCE)
            return front + nonce + self._cipher.encrypt(nonce, payload, front + digest)
        return bytes((_VERSION, flags)) + payload

    def open(self, chunk: bytes, digest: bytes, *, length: int) -> bytes:
        """Return the block; raise BackupDamaged unless it is exactly the one of this digest."""
        if len(chunk) < 2:
            raise BackupDamaged("A chunk of the backup is cut off.", detail=digest.hex())
        version, flags = chunk[0], chunk[1]
        if version != _VERSION or flags & ~(_COMPRESSED | _ENCRYPTED):
            raise BackupDamaged("A chunk of the backup is damaged.", detail=digest.hex())
        payload = chunk[2:]
        if bool(flags & _ENCRYPTED) != (self._cipher is not None):
            raise BackupDamaged(
                "A chunk of the backup is not encrypted as the backup is.", detail=digest.hex()
            )
        if self._cipher is not None:
            try:
                payload = self._cipher.decrypt(
                    payload[:_NONCE], payload[_NONCE:], chunk[:2] + digest
                )
            except (InvalidTag, ValueError) as error:
                raise BackupDamaged(
                    "A chunk of the backup was changed, or its key does not fit.",
                    detail=digest.hex(),
                ) from error
        if flags & _COMPRESSED:
            payload = self._unpacked(payload, digest, length=length)
        if len(payload) != length or not hmac.compare_digest(self.digest(payload), digest):
            raise BackupDamaged(
                "A chunk of the backup is not what was backed up.",
                detail=f"{digest.hex()}: {len(payload)} bytes of {length}",
            )
        return payload

    def _unpacked(self, payload: bytes, digest: bytes, *, length: int) -> bytes:
        try:
            if zstandard.frame_content_size(payload) != length:  # before anything is made so large
                raise BackupDamaged("A chunk of the backup is damaged.", detail=digest.hex())
            return self._decompressor.decompress(payload, max_output_size=length)
        except zstandard.ZstdError as error:
            raise BackupDamaged(
                "A chunk of the backup is damaged.", detail=f"{digest.hex()}: {error}"
            ) from error


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_SIZE, salt=None, info=purpose).derive(key)
