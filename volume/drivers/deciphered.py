"""What an encrypted disk holds, read as a whole: where nothing was ever written there are zeros.

A guest reads noise there, for what decrypts is the disk's own zeros; but a backup of noise would be as large as
the volume. No cipher of a sector is all zeros, so those that are were never written.
"""

from __future__ import annotations

from volume.drivers.nbd import NbdClient

_SECTOR = 512
_NOTHING = bytes(_SECTOR)


class Deciphered:
    """Reads a volume by who has its key, and looks at the disk behind the ``header`` for what is in use."""

    def __init__(self, plain: NbdClient, cipher: NbdClient, header: int) -> None:
        self._plain, self._cipher, self._header = plain, cipher, header
        self.size = plain.size

    def read(self, offset: int, length: int) -> bytes:
        """Return exactly these bytes; whole sectors that nobody wrote are zeros."""
        found = bytearray(self._plain.read(offset, length))
        cipher = self._cipher.read(self._header + offset, length)
        at = cipher.find(_NOTHING)
        while at >= 0:
            at += -(offset + at) % _SECTOR
            if cipher[at : at + _SECTOR] == _NOTHING:
                found[at : at + _SECTOR] = _NOTHING
                at += _SECTOR
            at = cipher.find(_NOTHING, at)
        return bytes(found)

    def data_after(self, offset: int) -> int:
        """Return where, from there on, something may be that is not zeros; ``size`` if nowhere."""
        return min(self._cipher.data_after(self._header + offset) - self._header, self.size)
