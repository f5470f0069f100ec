"""A list of keys whose private half is known, such as those of Debian's broken generator (CVE-2008-0166).

The list is a file on this machine, ``blocklist.dat`` of badkeys (https://badkeys.info, the command
``badkeys --update-bl`` brings it): 16 bytes a key in order, of which the first 15 are the start of a SHA-256 (badkeys,
"badkeys blocklist format and BKHASH"). Nothing is fetched by a scan.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

RECORD, HASH = 16, 15
"""Bytes of one entry, and how many of them are the hash; the last one names the source of the key."""


class WeakKeys:
    """The list in a file; without one no key is on it. Raises ``OSError`` or ``ValueError`` for a file that is none."""

    def __init__(self, path: str = "") -> None:
        self._data = Path(path).read_bytes() if path else b""
        if path and (not self._data or len(self._data) % RECORD):
            raise ValueError(f"{path}: no list of weak keys; allowed: blocklist.dat of badkeys")
        if self._record(0) > self._record(len(self) - 1):
            raise ValueError(f"{path}: the list is not in order; allowed: blocklist.dat of badkeys")

    def __len__(self) -> int:
        return len(self._data) // RECORD

    def _record(self, index: int) -> bytes:
        return self._data[index * RECORD : index * RECORD + HASH]

    def __contains__(self, mark: object) -> bool:
        """Whether a key with this :func:`mark` is on the list."""
        wanted, low, high = bytes.fromhex(str(mark or "")), 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self._record(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return bool(wanted) and low < len(self) and self._record(low) == wanted


@lru_cache(maxsize=2)
def weak_keys(path: str) -> WeakKeys:
    """The list at a path, read once by a process."""
    return WeakKeys(path)


def mark(key: PublicKeyTypes) -> str:
    """What the list knows a key by, in hexadecimal: its one number (RSA: the modulus), hashed. Empty for other kinds."""
    if isinstance(key, rsa.RSAPublicKey):
        number = key.public_numbers().n
    elif isinstance(key, ec.EllipticCurvePublicKey):
        number = key.public_numbers().x
    elif isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        number = int.from_bytes(key.public_bytes_raw(), "big")
    else:
        return ""
    return hashlib.sha256(number.to_bytes((number.bit_length() + 7) // 8, "big")).hexdigest()[: HASH * 2]
