"""The chord and its correction, against two oracles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from sqlalchemy import text

from geo import distance

GEOD = Geod(ellps="WGS84")
NEAR = st.floats(-0.5, 0.5)


@given(st.floats(73, 136), st.floats(3, 54), NEAR, NEAR)
def test_it_is_the_geodesic_within_a_centimetre(lon, lat, east, north):
    other = (lon + east, lat + north)
    assert distance.metres(lon, lat, *other) == pytest.approx(GEOD.inv(lon, lat, *other)[2], abs=0.01)


def test_it_is_what_postgis_says(session):
    rows = session.execute(
        text(
            "SELECT x, y, a, b,"
            " ST_Distance(CAST(ST_MakePoint(x, y) AS geography), CAST(ST_MakePoint(a, b) AS geography))"
            " FROM (SELECT 73 + 63 * random() AS x, 3 + 51 * random() AS y, random() AS e, random() AS n"
            " FROM generate_series(1, 500)) p CROSS JOIN LATERAL (SELECT x + e - 0.5 AS a, y + n - 0.5 AS b) q"
        )
    )
    for x, y, a, b, metres in rows:
        assert distance.metres(x, y, a, b) == pytest.approx(metres, abs=0.01)
