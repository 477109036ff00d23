"""The code on a station's door: what it says, the proof that it is ours, and taking it back.

A scanned poster is a claim and no proof of presence: anybody may have its picture.
"""

import hashlib
import hmac
import io
from uuid import UUID

import segno
from sqlmodel import Session, col, select

from geo import db, errors
from geo.errors import Problem
from geo.tables_visits import Poster

SIGNATURE_DIGITS = 20  # 80 bits: nobody guesses it, and the code stays coarse enough for an old camera
# A quarter of the code may be dirty or torn and it is still read.
CORRECTION = "q"
MODULE_MM = 1.75  # in binary without a rest, so that the sizes written are


def token(poster: Poster, secret: bytes) -> str:
    """What the code holds: the poster's id and our signature over it and its station."""
    return f"{poster.id.hex}{_signature(poster.id, poster.station_id, secret)}"


def _signature(poster_id: UUID, station_id: UUID, secret: bytes) -> str:
    message = b"poster" + poster_id.bytes + station_id.bytes
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:SIGNATURE_DIGITS]


def in_force(session: Session, station_id: UUID) -> Poster:
    """The station's poster, made when there is none."""
    mine = select(Poster).where(col(Poster.station_id) == station_id, col(Poster.revoked_at).is_(None))
    found = session.exec(mine).one_or_none()
    if found is None:
        session.execute(db.sql("poster_make"), {"station_id": station_id})
        found = session.exec(mine).one()
    return found


def revoke(session: Session, station_id: UUID) -> None:
    """From now on the poster on the door counts no more; the next one asked for is another.

    Raises `PosterNotFound` where none is in force.
    """
    if session.execute(db.sql("poster_revoke"), {"station_id": station_id}).one_or_none() is None:
        raise errors.PosterNotFound


def recognise(session: Session, station_id: UUID, given: str, secret: bytes) -> UUID:
    """The poster that a scanned token is of. Raises `InvalidInput` for one that is not ours, or was taken back."""
    poster_id = _named(given)
    genuine = hmac.compare_digest(given[32:].encode(), _signature(poster_id, station_id, secret).encode())
    poster = session.get(Poster, poster_id) if genuine else None
    if poster is None:
        raise errors.InvalidInput(problems=[Problem(("body", "token"), "not the code of this station's poster")])
    if poster.revoked_at is not None:
        raise errors.InvalidInput(problems=[Problem(("body", "token"), "this poster has been taken back")])
    return poster_id


def _named(given: str) -> UUID:
    return UUID(hex=given[:32])


def drawn(address: str) -> bytes:
    """The code as SVG, with the white border that readers need; about 10 cm wide where nobody gives it another size."""
    buffer = io.BytesIO()
    code = segno.make(address, error=CORRECTION, micro=False)
    # With a unit there is a viewBox: without one a page that makes it smaller cuts off what does not fit.
    code.save(buffer, kind="svg", border=4, scale=MODULE_MM, unit="mm", xmldecl=False, light="#fff", nl=False)
    return buffer.getvalue()
