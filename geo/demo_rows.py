"""What is said of each station of the synthetic network, row by row, ready for COPY.

Everything follows from the seed and the station's place in the order; the clock has no part in it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np

from geo.demo_names import COMMUNITIES, ENTRANCES, NAMES, ROADS, ZONES, ordinal, short
from geo.demo_places import OFFSHORE, Atlas, Division, Floats, Ints, Spots, Towns
from geo.demo_profiles import GOES_OFF, OFFERS, PROFILES, REGIMES, RUNS_OUT, Profile, organisation_code
from geo.vocabulary import FacilityStatus

KEYS = tuple(PROFILES)
FITTINGS = tuple(OFFERS)
NULL = r"\N"

NEWEST_CHECK = np.datetime64("2026-10-31T16:00")  # not today, or two days would make two networks
CHECK_AGE_DAYS = 150
NORTH_DEG = 33.5  # about the line north of which houses have heating

# About 93 % are published and open.
PUBLICATION = {"published": 96.2, "submitted": 1.4, "draft": 1.1, "delisted_inactive": 0.6} | {
    **{"returned": 0.4, "delisted_duplicate": 0.3}
}
OPERATION = {"open": 96.8, "limited": 0.9, "temporarily_closed": 1.3, "suspended": 0.3, "planned": 0.3} | {
    **{"relocated": 0.2, "permanently_closed": 0.2}
}
TIERS = {NULL: 30, "basic": 32, "standard": 28, "demonstration": 10}
REGISTRATION = {NULL: 24, "f": 70, "t": 6}
FLOORS = {NULL: 70, "0": 24, "1": 4, "2": 1, "-1": 1}


@dataclass(frozen=True)
class Network:
    """The whole of it before the details: for each station its spot, and its sort as a number into `KEYS`."""

    seed: int
    atlas: Atlas
    towns: Towns
    spots: Spots
    profile: Ints
    taken: Counter[tuple[int, str]] = field(default_factory=Counter)
    """How often each name occurs in each stratum so far."""


class Batch(NamedTuple):
    """Some stations as `geo/sql/demo_stage.sql` takes them, and how many facilities they have."""

    copy_text: str
    facilities: int


class Site(NamedTuple):
    """What the columns of one station follow from."""

    key: str
    sort: Profile
    division: Division
    stratum: int
    road: str
    number: int
    community: str
    township: str


def batch(network: Network, start: int, end: int) -> Batch:
    """The stations from `start` up to `end`; batches must be asked for in order, since names are counted."""
    rng = np.random.default_rng([network.seed, start])
    spots, profile = network.spots[start:end], network.profile[start:end]
    sites = _sites(network, spots, profile)
    fittings, statuses, facilities = _facilities(rng, profile, spots["lat"])
    columns = [
        *_identity(rng, network, sites, start),
        *_place(rng, sites, spots),
        *_use(rng, sites, profile),
        *_premises(rng, start, len(sites)),
        *_relations(sites),
        _menu(rng, OPERATION, len(sites)),
        _menu(rng, PUBLICATION, len(sites)),
        _some(rng, 0.88, _checks(rng, len(sites))),
        *(fittings, statuses),
    ]
    return Batch("\n".join(map("\t".join, zip(*columns, strict=True))), facilities)


def _sites(network: Network, spots: Spots, profile: Ints) -> list[Site]:
    """One street of one town is one road, and a few houses of it one community."""
    town, street, number = spots["town"], spots["street"], spots["number"]
    division = spots["division"]
    return [
        Site(KEYS[sort], PROFILES[KEYS[sort]], network.atlas.divisions[where], stratum, *said)
        for sort, where, stratum, *said in zip(
            profile,
            division,
            network.atlas.stratum_of[division].tolist(),
            [ROADS[index] for index in (town * 31 + street * 17) % len(ROADS)],
            number.tolist(),
            [COMMUNITIES[index] for index in (town * 13 + street * 7 + number // 6) % len(COMMUNITIES)],
            [network.towns.names[index] for index in town],
            strict=True,
        )
    ]


def _identity(rng: np.random.Generator, network: Network, sites: Sequence[Site], start: int) -> list[list[str]]:
    """From `id` to `tier`; a branch number where the host keeps the register itself."""
    return [
        _ids(rng, len(sites)),
        [organisation_code(site.sort.manager, site.division.province) for site in sites],
        [
            f"{site.division.province[:2]}{start + index:07}" if site.sort.host == site.sort.manager else NULL
            for index, site in enumerate(sites)
        ],
        *_names(rng, network, sites),
        _menu(rng, TIERS, len(sites)),
    ]


def _ids(rng: np.random.Generator, size: int) -> list[str]:
    """Random UUIDs (RFC 9562, version 4), of the seed's making."""
    octets = np.frombuffer(rng.bytes(16 * size), np.uint8).reshape(size, 16).copy()
    octets[:, 6] = octets[:, 6] & 0x0F | 0x40
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    digits = octets.tobytes().hex()
    return [digits[at : at + 32] for at in range(0, len(digits), 32)]


def _names(rng: np.random.Generator, network: Network, sites: Sequence[Site]) -> tuple[list[str], list[str], list[str]]:
    """Name, kind and brand; a name that a city has already is numbered."""
    names, brands = [], []
    for site, draw in zip(sites, rng.random(len(sites)).tolist(), strict=True):
        patterns = NAMES[site.key]
        brand, pattern = patterns[int(draw * len(patterns))]
        said = {
            "city": short(site.division.names[1] or site.division.names[0]),
            "district": short(site.division.names[2]),
            "town": site.township or f"{site.community}街道",
            "road": site.road,
            "number": site.number,
            "community": site.community,
        }
        name = pattern.format(**said, nth="")
        network.taken[site.stratum, name] += 1
        nth = network.taken[site.stratum, name]
        names.append(name if nth == 1 else pattern.format(**said, nth=ordinal(nth)))
        brands.append(brand or NULL)
    return names, [site.sort.kind.value for site in sites], brands


def _place(rng: np.random.Generator, sites: Sequence[Site], spots: Spots) -> list[list[str]]:
    """From `address` to `submitted_lat`."""
    lon, lat = (list(map(str, spots[axis].tolist())) for axis in ("lon", "lat"))
    return [
        [_address(site) for site in sites],
        _stated_districts(rng, sites),
        [f"SRID=4326;POINT({x} {y})" for x, y in zip(lon, lat, strict=True)],
        lon,
        lat,
    ]


def _address(site: Site) -> str:
    divisions = "".join(dict.fromkeys(site.division.names))  # 北京市 is both province and city
    return f"{divisions}{site.township}{site.road}{site.number}号"


def _stated_districts(rng: np.random.Generator, sites: Sequence[Site]) -> list[str]:
    """Mostly the district it is in; sometimes a functional zone, seldom a district nearby, or none."""
    own = [site.division.names[2] or NULL for site in sites]
    choices = {
        "own": own,
        "zone": [ZONES[site.number % len(ZONES)] for site in sites],
        "other": [own[index] for index in (np.arange(len(own)) + rng.integers(1, 200, len(own))) % len(own)],
        "none": [NULL] * len(own),
    }
    meant = _menu(rng, {"own": 97.2, "zone": 2, "other": 0.4, "none": 0.4}, len(own))
    return [choices[what][index] for index, what in enumerate(meant)]


def _use(rng: np.random.Generator, sites: Sequence[Site], profile: Ints) -> list[list[str]]:
    """From `opening_hours` to `serves`."""
    draws = rng.random(len(sites)).tolist()
    groups = [site.sort.serves[int(draw * len(site.sort.serves))] for site, draw in zip(sites, draws, strict=True)]
    return [*_regimes(rng, profile), _menu(rng, REGISTRATION, len(sites)), [_array(words) for words in groups]]


def _regimes(rng: np.random.Generator, profile: Ints) -> list[list[str]]:
    """Opening hours, calendar, staffed hours and entry modes, which go together."""
    menus = [REGIMES[PROFILES[key].regime] for key in KEYS]
    bounds = np.ones((len(KEYS), max(map(len, menus))))
    for row, menu in zip(bounds, menus, strict=True):
        weights = np.array([regime.weight for regime in menu])
        row[: len(menu) - 1] = np.cumsum(weights)[:-1] / weights.sum()
    choices = (rng.random(len(profile))[:, None] >= bounds[profile]).sum(axis=1)
    drawn = [menus[sort][choice] for sort, choice in zip(profile, choices, strict=True)]
    return [
        [regime.opening_hours or NULL for regime in drawn],
        [regime.hours_calendar for regime in drawn],
        [regime.staffed_hours or NULL for regime in drawn],
        [_array(regime.entry_modes) for regime in drawn],
    ]


@cache
def _array(words: str) -> str:
    return "{" + ",".join(sorted(words.split())) + "}"


def _premises(rng: np.random.Generator, start: int, size: int) -> list[list[str]]:
    """From `capacity` to `phone`: mostly one room for about ten, on the ground floor."""
    people = np.clip(np.rint(rng.lognormal(2.3, 0.6, size)), 2, 300).astype(int)
    area_m2 = np.round(people * rng.uniform(1.5, 3.5, size) + 4, 1)
    return [
        _some(rng, 0.75, list(map(str, people.tolist()))),
        _some(rng, 0.65, list(map(str, area_m2.tolist()))),
        _menu(rng, FLOORS, size),
        _some(rng, 0.08, [ENTRANCES[index % len(ENTRANCES)] for index in range(size)]),
        # No area has the code 0000, so nobody's telephone rings.
        _some(rng, 0.3, [f"0000-{start + index:08}" for index in range(size)]),
    ]


def _relations(sites: Sequence[Site]) -> list[list[str]]:
    """Host, sponsor (whose brand it is) and supervising union."""
    provinces = [site.division.province for site in sites]
    hosts = [
        organisation_code(site.sort.host, province) if site.sort.host else NULL
        for site, province in zip(sites, provinces, strict=True)
    ]
    unions = [NULL if province in OFFSHORE else organisation_code("union", province) for province in provinces]
    return [hosts, [f"demo-{site.sort.manager}" for site in sites], unions]


def _checks(rng: np.random.Generator, size: int) -> list[str]:
    """When each was last verified: half of them within the 104 days before `NEWEST_CHECK`."""
    minutes = rng.exponential(CHECK_AGE_DAYS * 1440, size).astype(np.int64)
    return [f"{instant}:00Z" for instant in np.datetime_as_string(NEWEST_CHECK - minutes, "m").tolist()]


def _facilities(rng: np.random.Generator, profile: Ints, lat: Floats) -> tuple[list[str], list[str], int]:
    """Facilities and their statuses as two arrays a station, and how many there are in all."""
    chances = np.array([[{**OFFERS, **sort.offers}[name] for name in FITTINGS] for sort in PROFILES.values()])[profile]
    chances[:, FITTINGS.index("heating")] = np.where(lat > NORTH_DEG, 0.6, 0.04)
    has = rng.random(chances.shape) < chances
    has[:, FITTINGS.index("toilet_nearby")] &= ~has[:, FITTINGS.index("toilet")]
    fitting = np.nonzero(has)[1]
    bounds = np.cumsum([_conditions(name) for name in FITTINGS], axis=1)[:, :-1]
    condition = (rng.random(len(fitting))[:, None] >= bounds[fitting]).sum(axis=1)
    names, statuses = (
        [FITTINGS[index] for index in fitting],
        [list(FacilityStatus)[index] for index in condition],
    )
    ends = np.cumsum(has.sum(axis=1)).tolist()
    cuts = [slice(begin, end) for begin, end in zip([0, *ends], ends, strict=False)]
    return _arrays(names, cuts), _arrays(statuses, cuts), len(fitting)


def _arrays(words: Sequence[str], cuts: Sequence[slice]) -> list[str]:
    return ["{" + ",".join(words[cut]) + "}" for cut in cuts]


def _conditions(name: str) -> list[float]:
    """How often a facility is in each status, in the order of `FacilityStatus`."""
    share = {
        FacilityStatus.FAULTY: 0.025,
        FacilityStatus.OUT_OF_STOCK: 0.025 * (name in RUNS_OUT),
        FacilityStatus.EXPIRED: 0.015 * (name in GOES_OFF),
        FacilityStatus.UNKNOWN: 0.02,
    }
    share[FacilityStatus.WORKING] = 1 - sum(share.values())
    return [share[status] for status in FacilityStatus]


def _some(rng: np.random.Generator, share: float, values: Sequence[str]) -> list[str]:
    """This share of the values; the others are null."""
    return [value if draw < share else NULL for value, draw in zip(values, rng.random(len(values)), strict=True)]


def _menu(rng: np.random.Generator, weights: Mapping[str, float], size: int) -> list[str]:
    """Keys of a menu, each as often as its weight says."""
    keys, chances = list(weights), np.array(list(weights.values()), dtype=float)
    return [keys[index] for index in rng.choice(len(keys), size, p=chances / chances.sum())]
