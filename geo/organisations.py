"""Organisations and their API keys: who may act in the registry, and with what secret."""

import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, field_validator, model_validator
from sqlalchemy import RowMapping, func, or_, text
from sqlmodel import Session, col, select, update
from stdnum.cn import uscc as uscc_number
from stdnum.exceptions import ValidationError as NumberError

from geo import db, errors
from geo.access import Principal, Relation
from geo.errors import Problem
from geo.instant import Instant
from geo.tables import ApiKey, Organisation
from geo.vocabulary import OrganisationKind, Role

Adcode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]

KEY_MARK = "yz_"


def check_uscc(value: str | None) -> str | None:
    """The unified social credit code, if its check character is right. Raises `ValueError`."""
    try:
        return str(uscc_number.validate(value)) if value else None
    except NumberError as error:
        message = "a unified social credit code: 18 characters, the last a check character (GB 32100)"
        raise ValueError(message) from error


class OrganisationDraft(BaseModel):
    """What is said of a new organisation: its permanent code, its name, what it is and where it belongs."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    kind: OrganisationKind
    parent: str | None = None
    region: Adcode | None = None
    uscc: str | None = None

    @model_validator(mode="after")
    def _not_its_own_parent(self) -> Self:
        if self.parent == self.code:
            raise ValueError("parent: expected another organisation")
        return self

    @field_validator("uscc")
    @classmethod
    def _check_digit(cls, value: str | None) -> str | None:
        return check_uscc(value)


class OrganisationPatch(BaseModel):
    """What changes of an organisation; its code and its kind never do. `null` clears."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] | None = None
    parent: str | None = None
    region: Adcode | None = None
    uscc: str | None = None

    @field_validator("uscc")
    @classmethod
    def _check_digit(cls, value: str | None) -> str | None:
        return check_uscc(value)


class KeyDraft(BaseModel):
    """What a new key may do: its role, and the region of an auditor; it never ends unless it says when."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    region: Adcode | None = None
    expires_at: Instant | None = None

    @field_validator("expires_at")
    @classmethod
    def _is_to_come(cls, value: datetime | None) -> datetime | None:
        if value is not None and value <= datetime.now(UTC):
            raise ValueError("expected an instant to come")
        return value


def draft(**said: Any) -> OrganisationDraft:
    """A draft of these words. Raises `InvalidInput` with a Problem for each that breaks a rule."""
    try:
        return OrganisationDraft.model_validate(said)
    except ValidationError as error:
        problems = [Problem(tuple(item["loc"]), item["msg"], item["input"]) for item in error.errors()]
        raise errors.InvalidInput(problems=problems) from error


def create(session: Session, draft: OrganisationDraft) -> Organisation:
    """Enter an organisation. Raises `OrganisationExists`; `OrganisationNotFound` when the parent is unknown."""
    _know_region(session, draft.region)
    organisation = Organisation(**draft.model_dump())
    session.add(organisation)
    session.flush()
    return organisation


def _know_region(session: Session, adcode: str | None) -> None:
    """Raise `RegionNotFound` for a code that is no division; where none are loaded, nothing is known of any."""
    if adcode and session.scalar(text("SELECT EXISTS (SELECT FROM region)")):
        known = text("SELECT EXISTS (SELECT FROM region WHERE adcode = :adcode)")
        if not session.scalar(known, {"adcode": adcode}):
            raise errors.RegionNotFound(f"There is no administrative division {adcode}.")


def get(session: Session, code: str) -> Organisation:
    """The organisation with this code. Raises `OrganisationNotFound`."""
    found = session.get(Organisation, code)
    if found is None:
        raise errors.OrganisationNotFound(f"There is no organisation {code!r}.")
    return found


def browse(session: Session, *, limit: int, after: str | None = None, **filters: Any) -> list[RowMapping]:
    """Organisations in the order of their codes: `parent` (its children), `below` (all under it), `kind`, `region`,
    `q` (part of name or code), `code`. Rows with their columns, `children` and `stations`."""
    asked = dict.fromkeys(("code", "parent", "kind", "region", "q")) | {"below": False} | filters
    if asked["parent"]:
        get(session, asked["parent"])
    if asked["q"]:
        asked["q"] = f"%{asked['q']}%"
    found = session.execute(db.sql("organisation_list"), asked | {"after": after, "limit": limit})
    return list(found.mappings())


def card(session: Session, code: str) -> RowMapping:
    """One organisation as `browse` shows it. Raises `OrganisationNotFound`."""
    get(session, code)
    return browse(session, code=code, limit=1)[0]


def amend(session: Session, code: str, patch: OrganisationPatch) -> RowMapping:
    """Change what the patch names. Raises `OrganisationNotFound`, `RegionNotFound`, `OrganisationRing`."""
    organisation = get(session, code)
    said = patch.model_dump(exclude_unset=True)
    if said.get("name", "") is None:
        raise errors.InvalidInput("The body breaks a rule.", problems=[Problem(("body", "name"), "expected a name")])
    if said.get("parent") == code:
        raise errors.OrganisationRing
    _know_region(session, said.get("region"))
    for name, value in said.items():
        setattr(organisation, name, value)
    session.flush()
    return card(session, code)


def share_a_root(session: Session, one: str | None, other: str) -> bool:
    """Whether two organisations stand in the same tree."""
    roots = [session.scalar(db.sql("organisation_root"), {"code": code}) for code in (one, other)]
    return roots[0] is not None and roots[0] == roots[1]


def require_admin(who: Principal) -> None:
    """Raise `Forbidden` unless the caller administers the registry."""
    if who.role != Role.ADMIN:
        raise errors.Forbidden("This needs the key of an admin.")


def create_key(
    session: Session,
    organisation: str,
    *,
    role: Role,
    region: str | None = None,
    expires_at: datetime | None = None,
) -> str:
    """A new key, ``yz_<prefix>_<secret>``: the only time its secret is seen; at rest it is SHA-256.

    An organisation may have several live keys, so that one can be replaced without a gap. An auditor's region is
    its organisation's when none is given; where that has none either, it is the whole country.
    """
    owner = get(session, organisation)
    if role is Role.AUDITOR and region is None:
        region = owner.region
    _know_region(session, region)
    # Hexadecimal, so that the separator cannot occur in it; 48 bits find it, 256 bits prove it.
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    key = f"{KEY_MARK}{prefix}_{secret}"
    session.add(
        ApiKey(
            prefix=prefix,
            secret_hash=hashlib.sha256(key.encode()).digest(),
            organisation=organisation,
            role=role.value,
            region=region,
            expires_at=expires_at,
        )
    )
    session.flush()
    return key


def prefix_of(key: str) -> str:
    """What names a key without giving it away: ``yz_`` and twelve digits."""
    return KEY_MARK + bare_prefix(key)


def bare_prefix(key: str) -> str:
    """What a key, or its prefix, is found by."""
    return key.removeprefix(KEY_MARK).split("_")[0]


def authenticate(session: Session, key: str) -> Principal:
    """Who a key stands for, asked of the database each time so that revocation holds at once.

    Raises `Unauthenticated` for a key that is unknown, revoked or expired, and does not say which.
    """
    prefix = bare_prefix(key)
    alive = (
        col(ApiKey.prefix) == prefix,
        col(ApiKey.revoked_at).is_(None),
        or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > func.now()),
    )
    row = session.exec(select(ApiKey).where(*alive)).one_or_none()
    digest = hashlib.sha256(key.encode()).digest()
    if row is None or not hmac.compare_digest(digest, row.secret_hash):
        raise errors.Unauthenticated
    _note_use(session, row)
    return Principal(row.organisation, row.role, f"{KEY_MARK}{row.prefix}", row.region)


def _note_use(session: Session, row: ApiKey) -> None:
    """Keep the day a key was last used; once a day, so that a busy key is not a hot row.

    Who holds the row is noting the same, or ending the key: no request waits for that.
    """
    session.execute(
        text(
            "UPDATE api_key SET last_used_on = current_date WHERE prefix IN (SELECT prefix FROM api_key"
            " WHERE prefix = :prefix AND last_used_on IS DISTINCT FROM current_date FOR NO KEY UPDATE SKIP LOCKED)"
        ),
        {"prefix": row.prefix},
    )


def relation(session: Session, own: str, other: str | None) -> Relation:
    """How the organisation `other` (None: nobody) stands to `own`."""
    found = session.execute(db.sql("organisation_relation"), {"own": own, "other": other}).scalar_one()
    return Relation[found.upper()] if found else Relation.FOREIGN


def revoke_key(session: Session, prefix: str) -> None:
    """End a key at once, by its prefix (with or without ``yz_``). Raises `KeyNotFound`."""
    bare = bare_prefix(prefix)
    alive = col(ApiKey.prefix) == bare, col(ApiKey.revoked_at).is_(None)
    ended = session.execute(update(ApiKey).where(*alive).values(revoked_at=func.now()).returning(col(ApiKey.prefix)))
    if ended.one_or_none() is None:
        raise errors.KeyNotFound
