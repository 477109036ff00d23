"""The sorts of station in the synthetic network: who runs them, when they are open, what they offer, how many.

Shares and frequencies resemble the published figures of 2021 and 2024. What they are called is `geo.demo_names`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from geo.demo_places import OFFSHORE
from geo.vocabulary import OrganisationKind, StationKind

MARK = "(示范数据)"
"""Stands in the name of every organisation made here; their codes begin with `demo-`."""


class Employer(NamedTuple):
    """An organisation at the head of a tree; with `branch`, one below it in every province on the mainland."""

    kind: OrganisationKind
    name: str
    branch: str = ""


ORGANISATIONS: Mapping[str, Employer] = {
    "union": Employer(OrganisationKind.TRADE_UNION, "全国总工会", "{province}总工会"),
    "ccb": Employer(OrganisationKind.BANK, "中国建设银行", "中国建设银行{province}分行"),
    "icbc": Employer(OrganisationKind.BANK, "中国工商银行", "中国工商银行{province}分行"),
    "abc": Employer(OrganisationKind.BANK, "中国农业银行", "中国农业银行{province}分行"),
    "sinopec": Employer(OrganisationKind.FUEL, "中国石化销售公司", "中国石化销售{province}分公司"),
    "post": Employer(OrganisationKind.POST, "中国邮政", "中国邮政{province}分公司"),
    "telecom": Employer(OrganisationKind.TELECOM, "中国电信", "中国电信{province}分公司"),
    "sanitation": Employer(OrganisationKind.SANITATION, "环卫集团", "{province}环卫集团"),
    "transport": Employer(OrganisationKind.TRANSPORT, "公路服务区集团"),
    "platform": Employer(OrganisationKind.PLATFORM, "即时配送平台"),
    "shops": Employer(OrganisationKind.RETAIL_CATERING, "连锁便利店"),
    "volunteers": Employer(OrganisationKind.NPO, "户外劳动者关爱协会"),
}


def organisation_code(slug: str, province: str) -> str:
    """The code of the organisation that does the work of `slug` in a province."""
    branch = ORGANISATIONS[slug].branch and province not in OFFSHORE
    return f"demo-{slug}-{province[:2]}" if branch else f"demo-{slug}"


class Regime(NamedTuple):
    """When a station is open and how one gets in, as these go together; `weight` among its alternatives."""

    weight: float
    opening_hours: str | None
    entry_modes: str
    staffed_hours: str | None = None
    hours_calendar: str = "literal"


# 24/7 comes to 6.6 % of all stations, as 12,100 of 184,200 at the end of 2024.
REGIMES: Mapping[str, Sequence[Regime]] = {
    "bank": (
        Regime(42, "Mo-Fr 09:00-17:00; PH off", "staffed walk_in"),
        Regime(12, "Mo-Fr 09:00-17:00", "staffed walk_in", None, "prc_workdays"),
        Regime(12, "Mo-Fr 08:30-12:00,14:30-17:30; PH off", "staffed walk_in"),
        Regime(10, "Mo-Fr 09:00-17:00; Sa-Su 09:30-16:00; PH off", "staffed walk_in"),
        Regime(14, "Mo-Su 09:00-17:00", "walk_in"),
        Regime(3.6, "24/7", "id_card qr", "Mo-Fr 09:00-17:00; PH off"),
        Regime(6.5, None, "staffed"),
    ),
    "hall": (
        Regime(18, "Mo-Fr 08:30-12:00,14:30-18:00", "walk_in", None, "prc_workdays"),
        Regime(12, "Mo-Fr 08:30-12:00,13:00-17:30; PH off", "staffed walk_in"),
        Regime(16, "Mo-Su 08:00-20:00", "walk_in"),
        Regime(11, "08:30-12:00,14:30-18:00", "staffed walk_in"),
        Regime(11, "Mo-Fr 09:00-17:00", "walk_in", None, "prc_workdays"),
        Regime(6, "Mo-Fr 09:00-20:00; Sa-Su 10:00-16:00", "walk_in"),
        Regime(5, "Mo-Su 06:00-22:00", "qr union_app", "Mo-Fr 08:30-12:00,14:30-18:00"),
        Regime(3.5, "24/7", "qr union_app", "Mo-Fr 09:00-17:00; PH off"),
        Regime(3.5, "24/7", "face pin qr"),
        Regime(13, None, "walk_in"),
    ),
    "street": (
        Regime(40, "05:00-17:30", "walk_in"),
        Regime(25, "04:30-11:00,13:30-20:00", "pin walk_in"),
        Regime(12, "Mar-Oct 05:00-19:00; Nov-Feb 06:00-18:00", "walk_in"),
        Regime(9, "24/7", "pin"),
        Regime(12, None, "walk_in"),
    ),
    "shop": (
        Regime(45, "Mo-Su 07:30-22:30", "walk_in"),
        Regime(30, "Mo-Su 08:00-21:00", "walk_in"),
        Regime(13, "10:00-14:00,16:30-22:00", "qr walk_in"),
        Regime(7, "24/7", "walk_in", "Mo-Su 07:00-23:00"),
        Regime(5, None, "walk_in"),
    ),
    "road": (
        Regime(45, "24/7", "walk_in", "Mo-Su 07:00-21:00"),
        Regime(45, "Mo-Su 06:00-22:00", "staffed walk_in"),
        Regime(10, None, "walk_in"),
    ),
    "mobile": (Regime(1, "Mo-Sa 09:30-11:30,14:00-17:00; PH off", "staffed walk_in"),),
}

EVERYBODY = (
    "courier food_delivery public sanitation",
    "public",
    "courier food_delivery ride_hailing sanitation taxi",
)
DELIVERY = ("courier food_delivery", "courier designated_driver food_delivery ride_hailing")
STREET = ("landscaping sanitation", "sanitation", "landscaping municipal_repair sanitation traffic_police")
DRIVERS = ("truck", "ride_hailing taxi truck", "bus taxi truck")
NEIGHBOURS = (
    "public volunteer",
    "construction courier food_delivery public sanitation vendor",
    "courier public",
)


class Profile(NamedTuple):
    """A common sort of station; `share` is its part of those that no published number fixes."""

    kind: StationKind
    manager: str
    regime: str
    serves: Sequence[str]
    share: float = 0.0
    host: str | None = None
    spread: float = 1.0
    offers: Mapping[str, float] = {}


PROFILES: Mapping[str, Profile] = {
    "ccb": Profile(StationKind.BANK_HAVEN, "ccb", "bank", EVERYBODY, host="ccb", spread=0.8),
    "xindu": Profile(StationKind.UNION_STATION, "union", "hall", EVERYBODY),
    "legal": Profile(StationKind.LEGAL_AID_POINT, "union", "hall", NEIGHBOURS, offers={"books": 0.8, "microwave": 0.2}),
    "icbc": Profile(StationKind.BANK_HAVEN, "icbc", "bank", EVERYBODY, 0.10, host="icbc", spread=0.8),
    "abc": Profile(StationKind.BANK_HAVEN, "abc", "bank", EVERYBODY, 0.09, host="abc", spread=1.1),
    "hall": Profile(StationKind.UNION_STATION, "union", "hall", EVERYBODY, 0.28),
    "park": Profile(
        *(StationKind.UNION_STATION, "union", "street", EVERYBODY, 0.06),
        spread=1.2,
        offers={"microwave": 0.5, "toilet": 0.7},
    ),
    "fuel": Profile(
        *(StationKind.UNION_STATION, "union", "road", DRIVERS, 0.06),
        host="sinopec",
        spread=1.6,
        offers={"toilet": 0.9, "tyre_pump": 0.5, "hot_water": 0.8},
    ),
    "post": Profile(StationKind.UNION_STATION, "post", "bank", DELIVERY, 0.06, host="post"),
    "telecom": Profile(
        *(StationKind.UNION_STATION, "telecom", "shop", EVERYBODY, 0.05),
        host="telecom",
        offers={"wifi": 0.98, "phone_charging": 0.98},
    ),
    "sanitation": Profile(
        *(StationKind.OTHER, "sanitation", "street", STREET, 0.08),
        offers={"toilet": 0.8, "tools": 0.5, "wifi": 0.15, "books": 0.1},
    ),
    "riders": Profile(
        *(StationKind.RIDER_STATION, "platform", "shop", DELIVERY, 0.05),
        offers={"battery_swap": 0.15, "ebike_charging": 0.45, "ebike_parking": 0.8, "lounger": 0.2},
    ),
    "drivers": Profile(
        *(StationKind.DRIVER_HOME, "transport", "road", DRIVERS, 0.02),
        spread=4.0,
        offers={
            **{"truck_parking": 0.95, "toilet": 0.98, "hot_water": 0.95, "shower": 0.35, "bed": 0.25},
            **{"laundry": 0.25, "meals": 0.5, "lounger": 0.2, "tools": 0.5, "emergency_button": 0.2},
        },
    ),
    "party": Profile(
        *(StationKind.PARTY_MASS_CENTRE, "union", "hall", NEIGHBOURS, 0.06),
        offers={"books": 0.8, "nursing_room": 0.25, "wheelchair_access": 0.5},
    ),
    "shops": Profile(
        StationKind.MERCHANT_CORNER, "shops", "shop", DELIVERY, 0.05, host="shops", offers={"meals": 0.25}
    ),
    "mobile": Profile(
        *(StationKind.MOBILE_UNIT, "volunteers", "mobile", NEIGHBOURS, 0.007),
        offers={"microwave": 0.1, "toilet": 0.0, "shower": 0.0, "bed": 0.0},
    ),
    "community": Profile(StationKind.COMMUNITY_POINT, "union", "hall", NEIGHBOURS, 0.07),
}

CCB_HAVENS = 14_200
"""劳动者港湾 among 30,000 stations, as published."""

LEGAL_AID = {"310000": 422, "320000": 150, "440000": 120, "370000": 60, "420000": 40}
"""Legal-aid points by province among 30,000 stations; the first two are published numbers."""

OFFSHORE_PROFILES = ("riders", "shops")
"""The only sorts in Hong Kong, Macau and Taiwan."""

# How often a station has a thing (110,000 of 184,200 have medicine, over 2,000 a battery swap) ...
OFFERS: Mapping[str, float] = {
    **{
        "drinking_water": 0.97,
        "hot_water": 0.40,
        "seating": 0.94,
        "microwave": 0.60,
        "fridge": 0.12,
        "fan": 0.10,
    },
    **{
        "air_conditioning": 0.64,
        "heating": 0.25,
        "phone_charging": 0.86,
        "wifi": 0.52,
        "first_aid_kit": 0.42,
    },
    **{
        "medicine": 0.60,
        "aed": 0.012,
        "toilet": 0.30,
        "toilet_nearby": 0.18,
        "umbrella": 0.32,
        "raincoat": 0.05,
    },
    **{"books": 0.22, "nursing_room": 0.03, "shower": 0.005, "laundry": 0.003, "bed": 0.005, "lounger": 0.02},
    **{
        "locker": 0.03,
        "ebike_charging": 0.03,
        "battery_swap": 0.005,
        "ebike_parking": 0.06,
        "truck_parking": 0.003,
    },
    **{"tyre_pump": 0.06, "tools": 0.10, "meals": 0.02, "emergency_button": 0.015, "wheelchair_access": 0.12},
}
# ... and what can run out, or go off, besides breaking.
RUNS_OUT = frozenset({"drinking_water", "medicine", "first_aid_kit", "umbrella", "raincoat", "meals"})
GOES_OFF = frozenset({"medicine", "first_aid_kit", "aed"})
