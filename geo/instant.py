"""An instant that somebody names: with its offset from UTC, and of a year that calendars and clocks can reckon with."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, ValidationError, WrapValidator

FIRST_YEAR, LAST_YEAR = 1901, 2199
EXPECTED = (
    "expected an RFC 3339 instant with its offset, such as 2026-10-01T10:00:00+08:00 (in an address + is written %2B),"
    f" of the years {FIRST_YEAR} to {LAST_YEAR}"
)
WRITTEN = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")


def _read(value: object, read: Callable[[object], datetime]) -> datetime:
    """Numbers and mere days are no instants, though pydantic would take them for some."""
    try:
        if not isinstance(value, datetime) and not (
            isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[Tt ]", value)
        ):
            raise ValueError(EXPECTED)
        instant = read(value)
    except ValidationError:
        raise ValueError(EXPECTED) from None
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise ValueError(EXPECTED)
    return instant


Instant = Annotated[AwareDatetime, WrapValidator(_read)]
