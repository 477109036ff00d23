"""Vocabulary: every word of the domain is there, and is understood as people write it."""

import contextlib
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from geo import vocabulary
from geo.errors import InvalidInput
from geo.vocabulary import (
    ENUMERATIONS,
    OPEN_FOR_USE,
    CheckinOutcome,
    EntryMode,
    Facility,
    FacilityStatus,
    HoursCalendar,
    InspectionKind,
    OperationalStatus,
    OrganisationKind,
    PublicationStatus,
    Role,
    Serves,
    StationKind,
    Tier,
    VisitMethod,
    parse,
)

# Written out by hand: these values are a promise to clients, and their order is shown to people.
EXPECTED = {
    "station_kind": "union_station 工会驿站 bank_haven 银行驿站/劳动者港湾 driver_home 司机之家 "
    "rider_station 骑手驿站 party_mass_centre 党群服务站 merchant_corner 商户爱心角 mobile_unit 流动驿站 "
    "community_point 社区服务点 legal_aid_point 法律援助服务站点 other 其他",
    "tier": "basic 普通型 standard 标准型 demonstration 示范型",
    "organisation_kind": "trade_union 工会 bank 银行 post 邮政 telecom 通信 fuel 加油站 government 机关 "
    "community 社区 public_security 公安 sanitation 环卫 transport 交通 enterprise 企业 property 物业 "
    "retail_catering 商超餐饮 platform 平台企业 medical 医疗 cultural 文化 npo 公益组织",
    "serves": "sanitation 环卫 courier 快递 food_delivery 外卖 ride_hailing 网约车 taxi 出租 truck 货车 "
    "designated_driver 代驾 bus 公交 traffic_police 交警 urban_management 城管 security_patrol 巡防 "
    "construction 建筑 landscaping 园林 municipal_repair 市政 vendor 摊贩 volunteer 志愿者 public 公众",
    "facility": "drinking_water 饮水 hot_water 热水 seating 桌椅 microwave 微波炉 fridge 冰箱 "
    "air_conditioning 空调 heating 取暖 fan 风扇 phone_charging 手机充电 wifi 无线网 "
    "first_aid_kit 急救药箱 medicine 应急药品 aed 除颤仪 toilet 厕所 toilet_nearby 附近厕所 umbrella 雨伞 "
    "raincoat 雨衣 books 图书 nursing_room 母婴室 shower 淋浴 laundry 洗衣 bed 床位 lounger 躺椅 "
    "locker 储物柜 ebike_charging 电动车充电 battery_swap 换电 ebike_parking 电动车停放 "
    "truck_parking 货车泊位 tyre_pump 打气筒 tools 工具箱 meals 餐食 emergency_button 一键报警 "
    "wheelchair_access 无障碍",
    "facility_status": "working 正常 faulty 故障 out_of_stock 缺货 expired 过期 unknown 未知",
    "entry_mode": "walk_in 直接进入 staffed 有人值守 qr 扫码 union_app 工会会员码 id_card 身份证 face 人脸 pin 密码",
    "operational_status": "planned 筹建 open 开放 limited 部分服务 temporarily_closed 临时关闭 "
    "suspended 停用整改 relocated 已迁址 permanently_closed 撤销",
    "publication_status": "draft 草稿 submitted 待审核 published 已发布 returned 退回 "
    "delisted_duplicate 重复下架 delisted_inactive 停用下架",
    "visit_method": "qr_scan 扫码 access_control 门禁 people_counter 客流计数 staff_tally 人工登记 "
    "estimate 估算 legacy_import 历史导入",
    "checkin_outcome": "used_ok 正常使用 confirmed_correct 信息无误 locked_in_posted_hours 开放时间内锁门 "
    "closed_as_posted 按公示关闭 not_found 找不到 wrong_location 位置不准 facility_missing 设施缺失 "
    "facility_faulty 设施故障 entry_refused 拒绝进入 registration_barrier 需注册 full 满员 duplicate 重复 "
    "gone 已撤除",
    "inspection_kind": "self_check 自查 town_check 镇街核查 district_spot 区级抽查 unannounced 暗访 "
    "rating 星级评定 complaint_follow_up 投诉复核",
    "role": "host 站点单位 auditor 审核员 admin 管理员",
    "hours_calendar": "literal 按星期 prc_workdays 法定工作日",
}
OSM_TAGS = {
    "drinking_water": "drinking_water=yes",
    "seating": "indoor_seating=yes",
    "air_conditioning": "air_conditioning=yes",
    "phone_charging": "amenity=device_charging_station",
    "wifi": "internet_access=wlan",
    "aed": "emergency=defibrillator",
    "toilet": "toilets=yes",
    "books": "amenity=public_bookcase",
    "nursing_room": "baby_feeding=room",
    "shower": "amenity=shower",
    "wheelchair_access": "wheelchair=yes",
}
EVERY_WORD = [word for enumeration in ENUMERATIONS.values() for word in enumeration]


def test_the_vocabulary_is_that_of_the_domain_in_its_order():
    assert list(vocabulary.vocabulary()) == list(EXPECTED)
    for name, terms in vocabulary.vocabulary().items():
        words = EXPECTED[name].split()
        assert [term["value"] for term in terms] == words[::2]
        assert [term["zh"] for term in terms] == words[1::2]


def test_every_term_has_two_labels_and_an_osm_tag_where_one_exists():
    for name, terms in vocabulary.vocabulary().items():
        for term in terms:
            assert list(term) == ["value", "en", "zh", "osm"]
            assert term["osm"] == (OSM_TAGS.get(str(term["value"])) if name == "facility" else None)
        for label in ("en", "zh"):
            labels = [term[label] for term in terms]
            assert all(labels)
            assert len(set(labels)) == len(labels)


def test_the_vocabulary_is_json():
    assert json.loads(json.dumps(vocabulary.vocabulary())) == vocabulary.vocabulary()


@pytest.mark.parametrize("word", EVERY_WORD, ids=repr)
def test_a_word_is_its_wire_value_wherever_text_is_wanted(word):
    assert word == word.value == str(word) == f"{word}" == word.name.lower()
    assert json.loads(json.dumps({word: word})) == {word.value: word.value}
    assert pickle.loads(pickle.dumps(word)) is word
    assert type(word)(word.value) is word


def test_a_word_is_a_pydantic_field_and_an_openapi_enum():
    class Draft(BaseModel):
        kind: StationKind
        facilities: list[Facility] = []

    draft = Draft.model_validate_json('{"kind": "bank_haven", "facilities": ["aed", "fan"]}')
    assert draft.kind is StationKind.BANK_HAVEN
    assert draft.model_dump(mode="json") == {"kind": "bank_haven", "facilities": ["aed", "fan"]}
    assert Draft.model_json_schema()["$defs"]["StationKind"]["enum"] == [kind.value for kind in StationKind]
    with pytest.raises(ValidationError, match="mobile_unit"):
        TypeAdapter(StationKind).validate_python("tent")


def test_visit_methods_are_ranked_by_trust():
    assert [method.trust_rank for method in VisitMethod] == [0, 1, 2, 3, 4, 5]
    assert min([VisitMethod.ESTIMATE, VisitMethod.QR_SCAN], key=lambda m: m.trust_rank) is VisitMethod.QR_SCAN


def test_open_for_use_is_open_or_limited():
    assert {OperationalStatus.OPEN, OperationalStatus.LIMITED} == OPEN_FOR_USE
    assert "open" in OPEN_FOR_USE


# --- parse --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", EVERY_WORD, ids=repr)
def test_parse_understands_the_value_both_labels_and_every_synonym_as_that_word(word):
    """So no label or synonym of one word clashes with another of its enumeration."""
    for text in (word.value, word.value.upper(), word.en, word.en.lower(), word.zh, *word.synonyms):
        assert parse(type(word), text) is word
        assert parse(type(word), f"\u3000 {text}\t") is word


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("空调", Facility.AIR_CONDITIONING),
        ("微波炉", Facility.MICROWAVE),
        ("饮水机", Facility.DRINKING_WATER),
        ("充电", Facility.PHONE_CHARGING),
        ("WiFi", Facility.WIFI),
        ("wi-fi", Facility.WIFI),
        (" ＷｉＦｉ ", Facility.WIFI),
        ("无线网络", Facility.WIFI),
        ("急救箱", Facility.FIRST_AID_KIT),
        ("药箱", Facility.FIRST_AID_KIT),
        ("卫生间", Facility.TOILET),
        ("厕所", Facility.TOILET),
        ("热水", Facility.HOT_WATER),
        ("开水", Facility.HOT_WATER),
        ("ＡＥＤ", Facility.AED),
        ("First aid kit", Facility.FIRST_AID_KIT),
        ("E-bike charging", Facility.EBIKE_CHARGING),
        ("劳动者港湾", StationKind.BANK_HAVEN),
        ("银行驿站", StationKind.BANK_HAVEN),
        ("工行驿站", StationKind.BANK_HAVEN),
        ("农情暖域", StationKind.BANK_HAVEN),
        ("工会驿站", StationKind.UNION_STATION),
        ("户外劳动者服务站点", StationKind.UNION_STATION),
        ("职工驿站", StationKind.UNION_STATION),
        ("司机之家", StationKind.DRIVER_HOME),
        ("小哥驿站", StationKind.RIDER_STATION),
        ("环卫工人", Serves.SANITATION),
        ("外卖骑手", Serves.FOOD_DELIVERY),
        ("示范", Tier.DEMONSTRATION),
        ("总工会", OrganisationKind.TRADE_UNION),
        ("刷脸", EntryMode.FACE),
        ("扫码", EntryMode.QR),
        ("扫码", VisitMethod.QR_SCAN),
        ("损坏", FacilityStatus.FAULTY),
        ("搬迁", OperationalStatus.RELOCATED),
        ("驳回", PublicationStatus.RETURNED),
        ("未找到", CheckinOutcome.NOT_FOUND),
        ("暗访", InspectionKind.UNANNOUNCED),
        ("管理员", Role.ADMIN),
        ("工作日", HoursCalendar.PRC_WORKDAYS),
    ],
)
def test_parse_understands_published_lists(text, word):
    assert parse(type(word), text) is word


@pytest.mark.parametrize("text", ["", " ", "，", "水", "空调扇", "jacuzzi", "驿站"])
def test_parse_refuses_what_it_does_not_know_and_names_what_is_allowed(text):
    for enumeration in ENUMERATIONS.values():
        with pytest.raises(InvalidInput) as refused:
            parse(enumeration, text, loc=("facilities", 0))
        (problem,) = refused.value.problems
        assert problem.loc == ("facilities", 0)
        assert problem.value == text
        assert all(word.value in problem.message for word in enumeration)


def test_a_refusal_names_the_enumeration():
    with pytest.raises(
        InvalidInput, match=r"'tent' is not a station kind; allowed: union_station \(工会驿站\), bank_haven"
    ):
        parse(StationKind, "tent")


@given(st.text())
def test_parse_gives_a_word_or_refuses_whatever_the_text(text):
    with contextlib.suppress(InvalidInput):
        assert isinstance(parse(Facility, text), Facility)
