"""How often one address may check in, and how often one station can be checked in at: in memory, by the minute.

An address is kept as a hash under a key that this process made and nobody else has, and is never written anywhere.
"""

import hashlib
import secrets
import time
from collections import Counter
from collections.abc import Callable
from threading import Lock

from geo import errors

WINDOW_S = 600
# Riders of one operator share an address, so an address may do more than a person would.
MOST_OF_AN_ADDRESS = 300
MOST_OF_AN_ADDRESS_AT_A_STATION = 30
MOST_AT_A_STATION = 600


class Frequency:
    """Counts within windows of ten minutes, and forgets everything at the end of each."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, Lock()
        self._began, self._counts, self._key = clock(), Counter[bytes](), secrets.token_bytes(32)

    def note(self, address: str, station_id: str) -> None:
        """Count a check-in. Raises `TooOften` beyond one of the limits; what is refused is not counted."""
        asked = {
            self._hashed(address): MOST_OF_AN_ADDRESS,
            self._hashed(address, station_id): MOST_OF_AN_ADDRESS_AT_A_STATION,
            self._hashed("", station_id): MOST_AT_A_STATION,
        }
        with self._lock:
            now = self._clock()
            if now - self._began >= WINDOW_S:
                self._began, self._counts = now, Counter()
            if any(self._counts[name] >= most for name, most in asked.items()):
                raise errors.TooOften(self._began + WINDOW_S - now)
            self._counts.update(asked.keys())

    def _hashed(self, *parts: str) -> bytes:
        return hashlib.blake2b("\n".join(parts).encode(), key=self._key, digest_size=16).digest()
