"""Organisations and their API keys: who may act in the registry, and with what secret."""

import hashlib
import secrets
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, field_validator
from sqlalchemy import func
from sqlmodel import Session, col, update
from stdnum.cn import uscc as uscc_number
from stdnum.exceptions import ValidationError as NumberError

from geo import errors
from geo.errors import Problem
from geo.tables import ApiKey, Organisation
from geo.vocabulary import OrganisationKind, Role

Adcode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]

KEY_MARK = "yz_"


class OrganisationDraft(BaseModel):
    """What is said of a new organisation: its permanent code, its name, what it is and where it belongs."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    kind: OrganisationKind
    parent: str | None = None
    region: Adcode | None = None
    uscc: str | None = None

    @field_validator("uscc")
    @classmethod
    def _check_digit(cls, value: str | None) -> str | None:
        try:
            return str(uscc_number.validate(value)) if value else None
        except NumberError as error:
            message = "a unified social credit code: 18 characters, the last a check character (GB 32100)"
            raise ValueError(message) from error


def draft(**said: Any) -> OrganisationDraft:
    """A draft of these words. Raises `InvalidInput` with a Problem for each that breaks a rule."""
    try:
        return OrganisationDraft.model_validate(said)
    except ValidationError as error:
        problems = [Problem(tuple(item["loc"]), item["msg"], item["input"]) for item in error.errors()]
        raise errors.InvalidInput(problems=problems) from error


def create(session: Session, draft: OrganisationDraft) -> Organisation:
    """Enter an organisation. Raises `OrganisationExists`; `OrganisationNotFound` when the parent is unknown."""
    organisation = Organisation(**draft.model_dump())
    session.add(organisation)
    session.flush()
    return organisation


def get(session: Session, code: str) -> Organisation:
    """The organisation with this code. Raises `OrganisationNotFound`."""
    found = session.get(Organisation, code)
    if found is None:
        raise errors.OrganisationNotFound(f"There is no organisation {code!r}.")
    return found


def create_key(session: Session, organisation: str, *, role: Role, region: str | None = None) -> str:
    """A new key, ``yz_<prefix>_<secret>``: the only time its secret is seen; at rest it is SHA-256.

    An organisation may have several live keys, so that one can be replaced without a gap.
    """
    get(session, organisation)
    # Hexadecimal, so that the separator cannot occur in it; 48 bits find it, 256 bits prove it.
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = f"{KEY_MARK}{prefix}_{secret}"
    digest = hashlib.sha256(key.encode()).digest()
    session.add(ApiKey(prefix=prefix, secret_hash=digest, organisation=organisation, role=role.value, region=region))
    session.flush()
    return key


def revoke_key(session: Session, prefix: str) -> None:
    """End a key at once, by its prefix (with or without ``yz_``). Raises `KeyNotFound`."""
    bare = prefix.removeprefix(KEY_MARK).split("_")[0]
    alive = col(ApiKey.prefix) == bare, col(ApiKey.revoked_at).is_(None)
    ended = session.execute(update(ApiKey).where(*alive).values(revoked_at=func.now()).returning(col(ApiKey.prefix)))
    if ended.one_or_none() is None:
        raise errors.KeyNotFound
