"""What can be set from outside: environment variables, each with its default and its sentence."""

import re
import secrets
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of one process; the name of each variable is the alias of its field."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    database_url: str | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL with PostGIS to use; without it a private cluster is run in the data directory.",
    )
    database_owner_url: str | None = Field(
        default=None,
        validation_alias="DATABASE_OWNER_URL",
        description="Login that migrates and loads regions, where the application's login may not.",
    )
    data_dir: Path = Field(
        default=Path(".data"),
        validation_alias="YIZHAN_DATA_DIR",
        description="Where the private cluster, the secret and the directory kept for the next start live.",
    )
    secret: str | None = Field(
        default=None,
        validation_alias="YIZHAN_SECRET",
        min_length=16,
        description="Signs cursors; made and kept in the data directory when absent.",
    )
    public_url: str | None = Field(
        default=None,
        validation_alias="YIZHAN_PUBLIC_URL",
        description="Where riders reach this server; posters and links begin with it.",
    )
    log: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias="YIZHAN_LOG", description="How much is logged."
    )

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value and not re.match(r"postgres(ql)?(\+psycopg)?://", value):
            raise ValueError("expected an address of PostgreSQL, such as postgresql://user@host/database")
        return value

    @field_validator("public_url")
    @classmethod
    def _is_a_site(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"https?://[^/?#@\s]+/?", value):
            raise ValueError("expected the address of a site without a path, such as https://yizhan.example.org")
        return value.rstrip("/") if value else None  # compose hands over an empty one where none is set

    def signing_secret(self) -> bytes:
        """The secret that signs cursors, made once and kept in the data directory when none is set."""
        if self.secret:
            return self.secret.encode()
        path = self.data_dir / "secret"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x") as file:
                path.chmod(0o600)
                file.write(secrets.token_urlsafe(32))
        except FileExistsError:
            pass  # another process made it first; everyone uses that one
        return path.read_text().strip().encode()
