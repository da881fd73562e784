"""The keyed hash that stands for a personal value: HMAC-SHA256 in Python and, the same, in SQL of DuckDB.

The key is in no SQL text, which errors quote; it goes along as parameters.
"""

import hashlib
import hmac
from collections.abc import Mapping

HEX_DIGITS = 32
# 128 bits: two of a thousand million players have the same hash with a chance of 1 to 10^20
TEXT_PREFIX = "hash:"
# of what stands in place of a line's text
_BLOCK_BYTES = 64
_INNER, _OUTER = "leap_hash_inner", "leap_hash_outer"


class KeyedHash:
    """HMAC-SHA256 with one key, the first 32 hexadecimal digits (RFC 2104).

    Parameters
    ----------
    key : str
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        block = self._key if len(self._key) <= _BLOCK_BYTES else hashlib.sha256(self._key).digest()
        block = block.ljust(_BLOCK_BYTES, b"\0")
        # the two constants of RFC 2104
        self._parameters = {
            _INNER: bytes(byte ^ 0x36 for byte in block),
            _OUTER: bytes(byte ^ 0x5C for byte in block),
        }

    def __repr__(self) -> str:
        return "KeyedHash(***)"

    def of(self, value: str | bytes) -> str:
        """Hash of a text (as UTF-8) or of bytes."""
        data = value.encode() if isinstance(value, str) else value
        return hmac.new(self._key, data, "sha256").hexdigest()[:HEX_DIGITS]

    @property
    def fingerprint(self) -> str:
        """Tells keys apart without telling them."""
        return self.of(b"\0the key of a data folder of Leap")

    @property
    def parameters(self) -> Mapping[str, bytes]:
        """Parameters of a statement in which `sql` occurs."""
        return self._parameters

    def sql(self, value: str) -> str:
        """SQL of the hash of SQL of a text; null of null."""
        # not value::blob, which takes \x41 for a byte
        inner = f"unhex(sha256(${_INNER} || encode({value})))"
        return f"left(sha256(${_OUTER} || {inner}), {HEX_DIGITS})"
