"""What is measured: each contender's key, letter and sentence, and the requests it is sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench import WORK
from bench.networks import SIZES
from bench.places import Place, places

Path_ = Callable[[Place, int], str]
MAIN = 200_000

# Three at a time, of what most stations have, or of what is rarer: riders do not all ask the same.
THREE = (
    "drinking_water,phone_charging,microwave",
    "drinking_water,air_conditioning,wifi",
    "seating,hot_water,medicine",
    "phone_charging,toilet,umbrella",
    "drinking_water,first_aid_kit,books",
)
HALF_BOX_DEG = 0.02


@dataclass(frozen=True)
class Contender:
    """One line of the table. `server` is a key of the servers; those of pgbench have a script instead of a path."""

    key: str
    letter: str
    title: str
    server: str
    stations: int | None  # None: it has nothing to do with stations
    path: Path_ | None = None
    script: str = ""
    results: tuple[float, float] | None = None  # how many an answer holds, on average: at least, at most

    def requests(self) -> Path:
        """The file with the paths to ask for, written anew."""
        file = WORK / f"{self.key}.requests"
        assert self.path is not None
        file.write_text("".join(f"{self.path(place, number)}\n" for number, place in enumerate(places())))
        return file


def nearest(rest: str = "") -> Path_:
    """Ours, with further parameters."""
    return lambda place, _: f"/v1/stations/nearest?lon={place.lon}&lat={place.lat}&limit=10{rest}"


def three_facilities(place: Place, number: int) -> str:
    """Ours, with three facilities that differ from request to request."""
    return nearest(f"&facility={THREE[number % len(THREE)]}")(place, number)


def gcj02(place: Place, _: int) -> str:
    """Ours, from a position in the datum of Chinese maps."""
    return f"/v1/stations/nearest?lon={place.gcj_lon:.6f}&lat={place.gcj_lat:.6f}&limit=10&crs=gcj02"


def peer_nearest(place: Place, _: int) -> str:
    """A peer's route."""
    return f"/nearest?lon={place.lon}&lat={place.lat}&limit=10"


def tipg_items(place: Place, _: int) -> str:
    """tipg's items in a box of some 4 km around the place."""
    west, south, east, north = (
        round(degrees, 6)
        for degrees in (
            *(place.lon - HALF_BOX_DEG, place.lat - HALF_BOX_DEG),
            *(place.lon + HALF_BOX_DEG, place.lat + HALF_BOX_DEG),
        )
    )
    return f"/collections/public.bench_station/items?bbox={west},{south},{east},{north}&limit=10&f=geojson"


SHOWER, IMPOSSIBLE = "&facility=shower", "&facility=aed,shower,laundry&kind=mobile_unit"
FULL, EMPTY = (9.5, 10.0), (0.0, 0.0)

# Key, title, further parameters, results an answer.
OURS_ASKED: Mapping[str, tuple[str, Path_, tuple[float, float]]] = {
    "plain": ("ours, plain", nearest(), FULL),
    "open": ("ours, open=now", nearest("&open=now"), (0.0, 10.0)),  # at night hardly any
    "three": ("ours, three facilities", three_facilities, (5.0, 10.0)),
    "one_percent": ("ours, a filter that 1 % pass (shower)", nearest(SHOWER), (1.0, 10.0)),
    "impossible": ("ours, a filter that nothing passes", nearest(IMPOSSIBLE), EMPTY),
    "radius": ("ours, radius_m=1000", nearest("&radius_m=1000"), (0.1, 10.0)),
    "gcj02": ("ours, crs=gcj02", gcj02, FULL),
}


def ours(key: str, stations: int) -> Contender:
    """One of (a), on a network of this size."""
    title, path, results = OURS_ASKED[key]
    return Contender(f"{key}@{SIZES[stations]}", "a", title, f"yizhan-{stations}", stations, path, results=results)


def others(stations: int) -> dict[str, Contender]:
    """(b) to (g), on a network of this size where they ask one."""
    at = SIZES[stations]
    of = {
        "empty": ("b", "an empty FastAPI route, three parameters validated", "empty", None, peer_nearest),
        "hello": ("c", "raw ASGI hello", "hello", None, peer_nearest),
        "prepared": ("d", "FastAPI, one prepared PostGIS query", f"prepared-{stations}", stations, peer_nearest),
        "tutorial": (
            "e",
            "the tutorial way: async SQLModel, GeoAlchemy2",
            f"tutorial-{stations}",
            stations,
            peer_nearest,
        ),
        "tipg": ("g", "tipg, items in a box of 4 km", f"tipg-{stations}", stations, tipg_items),
    }
    found = {
        key: Contender(key if size is None else f"{key}@{at}", letter, title, server, size, path)
        for key, (letter, title, server, size, path) in of.items()
    }
    for key, title in {"knn": "pgbench, KNN", "knn_one_percent": "pgbench, KNN, the filter that 1 % pass"}.items():
        found[key] = Contender(f"{key}@{at}", "f", f"{title}, no HTTP", "pgbench", stations, script=f"{key}.sql")
    return found


def full(sizes: tuple[int, ...]) -> list[Contender]:
    """Everything at the main size; what grows with the number of stations at the others."""
    found: list[Contender] = []
    for stations in sizes:
        main = stations == MAIN
        found += [ours(key, stations) for key in (OURS_ASKED if main else ("plain", "open", "one_percent"))]
        found += [one for key, one in others(stations).items() if main or key in {"prepared", "knn"}]
    return found


def quick(stations: int) -> list[Contender]:
    """Ours against the bare framework, the bare server, and a query a request."""
    return [ours("plain", stations), *(others(stations)[key] for key in ("empty", "hello", "prepared"))]
