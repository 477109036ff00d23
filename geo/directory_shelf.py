"""A directory on disk, for the server that starts next: to read a million stations anew takes it half a minute.

The file is a sequence of pickles behind a signature, without which reading it would mean running what anybody wrote. It
is of use to the very same code alone. Whether it still holds what the database does is for `geo.follower` to find out.
"""

import contextlib
import fcntl
import hashlib
import hmac
import logging
import os
import pickle
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from geo import directory_stock
from geo.directory import Directory
from geo.directory_clock import Clock, Closures
from geo.directory_columns import ARRAYS, Columns

log = logging.getLogger("yizhan")

WORTHWHILE = 20_000  # stations; fewer are read from the database as soon
AT_ONCE = 2_000  # texts of one pickle: the interpreter is held for a millisecond
SIGNATURE = hashlib.blake2b().digest_size
_NUMBERS = tuple(name for name in ARRAYS if name != "text")


@dataclass(frozen=True)
class Kept:
    """A directory, and what the divisions were called when its stations were read."""

    directory: Directory
    divisions: str


@dataclass(frozen=True)
class Shelf:
    """Where one directory is kept, and the secret that signs it."""

    path: Path
    secret: bytes

    def put(self, kept: Kept) -> None:
        """Keep it in place of the one before, unless another process is at it; what fails is told to the log alone."""
        if kept.directory.count < WORTHWHILE:
            return
        try:
            with self._alone() as new, new.open("w+b") as file:
                file.write(bytes(SIGNATURE))
                for part in _parts(kept):
                    pickle.dump(part, file, pickle.HIGHEST_PROTOCOL)
                signature = self._signature(file)
                file.seek(0)
                file.write(signature)
                file.flush()  # or who starts now would find it unsigned
                new.replace(self.path)
        except BlockingIOError:
            pass
        except OSError as error:
            log.warning("the directory cannot be kept in %s: %s", self.path, error)

    def take(self) -> Kept | None:
        """The one that is kept; nothing where there is none, or it is not ours, or another version's."""
        try:
            with self.path.open("rb") as file:
                signature = file.read(SIGNATURE)
                if not hmac.compare_digest(signature, self._signature(file)):
                    log.warning("%s is another version's, or damaged; the database is read instead", self.path)
                    return None
                return _read(file)
        except OSError:
            return None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[Path]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        lock = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
            yield new
        finally:
            os.close(lock)

    def _signature(self, file: BinaryIO) -> bytes:
        """Of all behind the place of the signature; the file is left there."""
        file.flush()
        file.seek(SIGNATURE)
        signed = hashlib.blake2b(_version(), key=hashlib.blake2b(self.secret).digest())
        while block := file.read(1 << 20):
            signed.update(block)
        file.seek(SIGNATURE)
        return signed.digest()


@cache
def _version() -> bytes:
    """What a file depends on besides the database: this code, and the versions of what its objects are of."""
    here = Path(__file__).parent
    code = b"".join(path.read_bytes() for path in sorted([*here.glob("*.py"), *here.glob("sql/directory_*.sql")]))
    return hashlib.blake2b(code + sys.version.encode() + np.__version__.encode()).digest()


def _parts(kept: Kept) -> Iterator[Any]:
    directory, columns = kept.directory, kept.directory.stock.together
    yield kept.divisions, directory.as_of, directory.epoch, directory.position, directory.gone
    yield directory.stock.lexicon, directory.stock.clock.calendar, directory.stock.closures.cards
    yield len(columns), len(columns.blocks)
    for name in _NUMBERS:
        yield getattr(columns, name)
    for start in range(0, len(columns), AT_ONCE):
        yield columns.text[start : start + AT_ONCE].tolist()
    for start in range(0, len(columns.blocks), AT_ONCE):
        yield columns.blocks[start : start + AT_ONCE]


def _read(file: BinaryIO) -> Kept:
    def more() -> Any:
        return pickle.load(file)  # noqa: S301 - signed by us

    divisions, as_of, epoch, position, gone = more()
    lexicon, calendar, cards = more()
    length, blocks = more()
    numbers = {name: more() for name in _NUMBERS}
    text = np.empty(length, object)
    for start in range(0, length, AT_ONCE):
        text[start : start + AT_ONCE] = more()
    packed = tuple(block for _ in range(0, blocks, AT_ONCE) for block in more())
    columns = Columns(**numbers, text=text, blocks=packed)
    stock = directory_stock.of(lexicon, Clock(calendar, lexicon), columns, Closures(cards))
    return Kept(Directory(as_of, epoch, position, stock, gone), divisions)
