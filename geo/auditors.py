"""What an auditor may ask about: its own region and those below, an admin everywhere."""

from sqlmodel import Session

from geo import errors, regions
from geo.access import COUNTRY, Principal
from geo.regions import RegionRecord


def region_for(session: Session, who: Principal, adcode: str, level: str | None = None) -> RegionRecord:
    """The region, if `who` may audit it. Raises `RegionNotFound`, `Forbidden`."""
    record = regions.get(session, adcode, level=level)
    above = (record.adcode, *(place.adcode for place in record.parents if place.adcode != COUNTRY))
    if who.role == "host":
        raise errors.Forbidden("This is for auditors.")
    if who.role == "admin" or who.covers(*above):
        return record
    raise errors.Forbidden("This region is outside the key's.")
