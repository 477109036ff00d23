"""The distance field: how far it is from many places to the nearest station, over the ground.

From earth-centred coordinates in a k-d tree; one field answers coverage, gaps and siting alike.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geo.distance import MEAN_RADIUS_M, earth_centred_many

Floats = NDArray[np.float64]


def over_ground(chord: Floats) -> Floats:
    """The way over the ground, metres, of chords straight through it; within 6 mm up to 100 km."""
    return chord + chord * chord * chord * (1 / (24 * MEAN_RADIUS_M**2))  # ten times as fast as **3


def chord_of(metres: float) -> float:
    """The chord of a way over the ground: what a tree is asked for."""
    return 2 * MEAN_RADIUS_M * float(np.sin(metres / (2 * MEAN_RADIUS_M)))


class Field:
    """The stations that distances are measured to, WGS-84 degrees."""

    def __init__(self, lon: Floats, lat: Floats) -> None:
        self.earth = earth_centred_many(lon, lat)
        self.tree = cKDTree(self.earth, copy_data=False) if len(lon) else None

    def distance(self, lon: Floats, lat: Floats) -> Floats:
        """Metres from each place to the nearest station; infinite where there is none at all."""
        return self.distance_from(earth_centred_many(lon, lat))

    def distance_from(self, earth: Floats) -> Floats:
        """The same from places given earth-centred."""
        if self.tree is None or not len(earth):
            return np.full(len(earth), np.inf)
        chords, _ = self.tree.query(earth)
        return over_ground(np.asarray(chords, dtype=float))


def close_pairs(lon: Floats, lat: Floats, metres: float) -> int:
    """How many pairs of stations are closer together than that."""
    if len(lon) < 2:
        return 0
    tree = cKDTree(earth_centred_many(lon, lat))
    return int((tree.count_neighbors(tree, np.nextafter(chord_of(metres), 0)) - len(lon)) // 2)
