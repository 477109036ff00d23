"""The words of the domain: every enumeration with its wire value, its labels and its OpenStreetMap tag.

What published lists call a thing is understood here too; what follows from a word is decided elsewhere.
"""

import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Self, TypeVar

from geo.errors import InvalidInput, Problem


class Word(StrEnum):
    """One value of an enumeration, equal to its wire value; the Chinese label is followed by its synonyms."""

    en: str
    zh: str
    osm: str | None
    synonyms: tuple[str, ...]

    # The defaults are for type checkers, which read a look-up, Facility("fan"), as a call of this.
    def __new__(cls, value: str, en: str = "", zh: str = "", osm: str | None = None) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.en, member.osm = en, osm
        member.zh, *synonyms = zh.split()
        member.synonyms = tuple(synonyms)
        return member


class StationKind(Word):
    """What a station is run as; its name and brand are data."""

    UNION_STATION = "union_station", "Union station", "工会驿站 职工驿站 户外劳动者驿站 户外劳动者服务站点"
    BANK_HAVEN = "bank_haven", "Bank haven", "银行驿站/劳动者港湾 工行驿站 农情暖域 建行劳动者港湾"
    DRIVER_HOME = "driver_home", "Drivers' home", "司机之家 卡车司机之家 货车司机之家 司机驿站"
    RIDER_STATION = "rider_station", "Riders' station", "骑手驿站 小哥驿站 骑手之家 外卖驿站"
    PARTY_MASS_CENTRE = "party_mass_centre", "Party and community centre", "党群服务站 党群服务中心 党群驿站"
    MERCHANT_CORNER = "merchant_corner", "Caring corner in a shop", "商户爱心角 爱心商户 爱心商家 爱心角"
    MOBILE_UNIT = "mobile_unit", "Mobile unit", "流动驿站 移动驿站 流动服务站 流动服务车"
    COMMUNITY_POINT = "community_point", "Community service point", "社区服务点 社区驿站 社区服务站"
    LEGAL_AID_POINT = "legal_aid_point", "Legal aid point", "法律援助服务站点 法律援助站 法律援助工作站"
    OTHER = "other", "Other", "其他 其它"


class Tier(Word):
    """The standard of construction a station meets."""

    BASIC = "basic", "Basic", "普通型 普通 基本型"
    STANDARD = "standard", "Standard", "标准型 标准"
    DEMONSTRATION = "demonstration", "Demonstration", "示范型 示范"


class OrganisationKind(Word):
    """What an organisation is: a host, a sponsor or a supervising union."""

    TRADE_UNION = "trade_union", "Trade union", "工会 总工会 工会组织"
    BANK = "bank", "Bank", "银行 银行网点"
    POST = "post", "Post", "邮政 邮局 中国邮政"
    TELECOM = "telecom", "Telecommunications", "通信 通讯 电信 通信运营商"
    FUEL = "fuel", "Petrol station", "加油站 石化 石油 中石化 中石油"
    GOVERNMENT = "government", "Government body", "机关 政府 政府机关 党政机关"
    COMMUNITY = "community", "Residents' community", "社区 居委会 村委会 社区居委会"
    PUBLIC_SECURITY = "public_security", "Police", "公安 派出所 公安局 警务站"
    SANITATION = "sanitation", "Sanitation service", "环卫 环卫所 环卫部门"
    TRANSPORT = "transport", "Transport", "交通 交通运输"
    ENTERPRISE = "enterprise", "Enterprise", "企业 公司"
    PROPERTY = "property", "Property management", "物业 物业公司"
    RETAIL_CATERING = "retail_catering", "Shop or restaurant", "商超餐饮 商超 餐饮 超市 便利店 餐厅 商场"
    PLATFORM = "platform", "Platform company", "平台企业 平台 外卖平台 互联网平台"
    MEDICAL = "medical", "Medical", "医疗 医院 药店 医疗机构"
    CULTURAL = "cultural", "Cultural", "文化 文化馆 图书馆 文化站"
    NPO = "npo", "Non-profit organisation", "公益组织 社会组织 公益 慈善组织"


class Serves(Word):
    """Whom a station is meant for."""

    SANITATION = "sanitation", "Sanitation workers", "环卫 环卫工 环卫工人"
    COURIER = "courier", "Couriers", "快递 快递员 快递小哥"
    FOOD_DELIVERY = "food_delivery", "Food-delivery riders", "外卖 外卖员 外卖骑手 骑手 外卖小哥 送餐员"
    RIDE_HAILING = "ride_hailing", "Ride-hailing drivers", "网约车 网约车司机 网约车驾驶员"
    TAXI = "taxi", "Taxi drivers", "出租 出租车 出租车司机 的士司机"
    TRUCK = "truck", "Truck drivers", "货车 货车司机 卡车 卡车司机"
    DESIGNATED_DRIVER = "designated_driver", "Designated drivers", "代驾 代驾司机"
    BUS = "bus", "Bus drivers", "公交 公交司机 公交车司机"
    TRAFFIC_POLICE = "traffic_police", "Traffic police", "交警 交通警察"
    URBAN_MANAGEMENT = "urban_management", "Urban management officers", "城管 城管队员 城市管理"
    SECURITY_PATROL = "security_patrol", "Security patrols", "巡防 巡逻 巡防队员"
    CONSTRUCTION = "construction", "Builders", "建筑 建筑工人 施工人员"
    LANDSCAPING = "landscaping", "Gardeners", "园林 园林工人 绿化 绿化工人 园林绿化"
    MUNICIPAL_REPAIR = "municipal_repair", "Municipal repair workers", "市政 市政工人 市政维修 市政养护"
    VENDOR = "vendor", "Street vendors", "摊贩 小贩 商贩 流动摊贩"
    VOLUNTEER = "volunteer", "Volunteers", "志愿者 义工"
    PUBLIC = "public", "The public", "公众 市民 群众 社会公众"


class Facility(Word):
    """What a station offers."""

    DRINKING_WATER = "drinking_water", "Drinking water", "饮水 饮水机 饮用水 直饮水", "drinking_water=yes"
    HOT_WATER = "hot_water", "Hot water", "热水 开水 开水机 热水壶 电热水壶 开水器"
    SEATING = "seating", "Table and seats", "桌椅 座椅 椅子 座位 休息座椅", "indoor_seating=yes"
    MICROWAVE = "microwave", "Microwave oven", "微波炉 热饭 加热饭菜"
    FRIDGE = "fridge", "Refrigerator", "冰箱 冰柜 冷藏柜 电冰箱"
    AIR_CONDITIONING = "air_conditioning", "Air conditioning", "空调 冷气 空调机", "air_conditioning=yes"
    HEATING = "heating", "Heating", "取暖 暖气 取暖器 供暖 电暖器 取暖设备"
    FAN = "fan", "Electric fan", "风扇 电风扇 电扇"
    PHONE_CHARGING = (
        "phone_charging",
        "Phone charging",
        "手机充电 充电 充电器",
        "amenity=device_charging_station",
    )
    WIFI = "wifi", "Wireless internet", "无线网 无线网络 WLAN 免费WiFi 无线上网", "internet_access=wlan"
    FIRST_AID_KIT = "first_aid_kit", "First-aid kit", "急救药箱 急救箱 药箱 医药箱 急救包 医疗箱"
    MEDICINE = "medicine", "Emergency medicine", "应急药品 药品 常用药 常用药品 常备药 防暑药品"
    AED = "aed", "Defibrillator", "除颤仪 除颤器 自动体外除颤仪 自动体外除颤器", "emergency=defibrillator"
    TOILET = "toilet", "Toilet", "厕所 卫生间 洗手间 公厕 公共厕所 公共卫生间", "toilets=yes"
    TOILET_NEARBY = "toilet_nearby", "Toilet nearby", "附近厕所 附近公厕 附近卫生间 周边厕所"
    UMBRELLA = "umbrella", "Umbrellas", "雨伞 爱心雨伞 便民雨伞 共享雨伞"
    RAINCOAT = "raincoat", "Raincoats", "雨衣 雨披"
    BOOKS = "books", "Books", "图书 书籍 书报 报刊 图书角 阅读角 读书角", "amenity=public_bookcase"
    NURSING_ROOM = "nursing_room", "Nursing room", "母婴室 哺乳室 母婴关爱室 爱心母婴室", "baby_feeding=room"
    SHOWER = "shower", "Shower", "淋浴 淋浴间 洗澡 沐浴", "amenity=shower"
    LAUNDRY = "laundry", "Laundry", "洗衣 洗衣机 洗衣房"
    BED = "bed", "Beds", "床位 床 床铺 休息床"
    LOUNGER = "lounger", "Loungers", "躺椅 休息躺椅 午休躺椅"
    LOCKER = "locker", "Lockers", "储物柜 存物柜 寄存柜 储物箱"
    EBIKE_CHARGING = "ebike_charging", "E-bike charging", "电动车充电 电瓶车充电 电动自行车充电 电动车充电桩"
    BATTERY_SWAP = "battery_swap", "Battery swap", "换电 换电柜 换电站"
    EBIKE_PARKING = "ebike_parking", "E-bike parking", "电动车停放 电动车停车 电动车停车位 非机动车停放"
    TRUCK_PARKING = "truck_parking", "Truck parking", "货车泊位 货车停车 货车停车位 货车停车场"
    TYRE_PUMP = "tyre_pump", "Tyre pump", "打气筒 气筒 充气泵 打气泵"
    TOOLS = "tools", "Toolbox", "工具箱 工具 维修工具 修车工具"
    MEALS = "meals", "Meals", "餐食 用餐 就餐 爱心餐 热餐"
    EMERGENCY_BUTTON = "emergency_button", "Emergency button", "一键报警 报警按钮 紧急按钮 一键报警器 SOS"
    WHEELCHAIR_ACCESS = (
        "wheelchair_access",
        "Wheelchair access",
        "无障碍 无障碍通道 无障碍设施",
        "wheelchair=yes",
    )


class FacilityStatus(Word):
    """In what state a facility was when last looked at."""

    WORKING = "working", "Working", "正常 完好 可用 良好 正常使用"
    FAULTY = "faulty", "Faulty", "故障 损坏 维修中"
    OUT_OF_STOCK = "out_of_stock", "Out of stock", "缺货 用完 无货"
    EXPIRED = "expired", "Expired", "过期 已过期 失效"
    UNKNOWN = "unknown", "Unknown", "未知 不详 不清楚"


class EntryMode(Word):
    """How one gets in."""

    WALK_IN = "walk_in", "Walk in", "直接进入 自由进入 无需登记 免登记"
    STAFFED = "staffed", "Let in by staff", "有人值守 人工值守 专人值守"
    QR = "qr", "QR code", "扫码 扫码进入 扫码开门 二维码"
    UNION_APP = "union_app", "Union member code", "工会会员码 会员码 工会App"
    ID_CARD = "id_card", "Identity card", "身份证 刷身份证"
    FACE = "face", "Face recognition", "人脸 人脸识别 刷脸"
    PIN = "pin", "Pass code", "密码 密码锁 数字密码"


class OperationalStatus(Word):
    """Is the station open?"""

    PLANNED = "planned", "Planned", "筹建 筹备中 建设中 在建 规划中 拟建"
    OPEN = "open", "Open", "开放 正常开放 运营中 营业中"
    LIMITED = "limited", "Limited service", "部分服务 部分开放"
    TEMPORARILY_CLOSED = "temporarily_closed", "Temporarily closed", "临时关闭 暂时关闭 暂停开放 暂停服务"
    SUSPENDED = "suspended", "Suspended for rectification", "停用整改 整改 整改中"
    RELOCATED = "relocated", "Relocated", "已迁址 迁址 搬迁 已搬迁"
    PERMANENTLY_CLOSED = "permanently_closed", "Permanently closed", "撤销 已撤销 永久关闭"


class PublicationStatus(Word):
    """May the public see the station?"""

    DRAFT = "draft", "Draft", "草稿"
    SUBMITTED = "submitted", "Submitted for review", "待审核 审核中 已提交"
    PUBLISHED = "published", "Published", "已发布 发布"
    RETURNED = "returned", "Returned", "退回 已退回 驳回"
    DELISTED_DUPLICATE = "delisted_duplicate", "Delisted as a duplicate", "重复下架"
    DELISTED_INACTIVE = "delisted_inactive", "Delisted as inactive", "停用下架"


class VisitMethod(Word):
    """How a visit count was obtained, the most trusted first."""

    QR_SCAN = "qr_scan", "QR scan", "扫码 扫码签到 扫码登记"
    ACCESS_CONTROL = "access_control", "Access control", "门禁 门禁记录"
    PEOPLE_COUNTER = "people_counter", "People counter", "客流计数 客流统计 客流计数器"
    STAFF_TALLY = "staff_tally", "Staff tally", "人工登记 手工登记 人工统计"
    ESTIMATE = "estimate", "Estimate", "估算 估计"
    LEGACY_IMPORT = "legacy_import", "Legacy import", "历史导入 历史数据"

    @property
    def trust_rank(self) -> int:
        """0 for the most trusted method; where methods overlap, the lower one counts."""
        return list(VisitMethod).index(self)


class CheckinOutcome(Word):
    """What somebody at the door found."""

    USED_OK = "used_ok", "Used without trouble", "正常使用"
    CONFIRMED_CORRECT = "confirmed_correct", "Details confirmed", "信息无误"
    LOCKED_IN_POSTED_HOURS = "locked_in_posted_hours", "Locked in posted hours", "开放时间内锁门"
    CLOSED_AS_POSTED = "closed_as_posted", "Closed as posted", "按公示关闭"
    NOT_FOUND = "not_found", "Not found", "找不到 未找到"
    WRONG_LOCATION = "wrong_location", "Wrong location", "位置不准 位置错误"
    FACILITY_MISSING = "facility_missing", "Facility missing", "设施缺失"
    FACILITY_FAULTY = "facility_faulty", "Facility faulty", "设施故障 设施损坏"
    ENTRY_REFUSED = "entry_refused", "Entry refused", "拒绝进入 不让进"
    REGISTRATION_BARRIER = "registration_barrier", "Registration demanded", "需注册 需要注册"
    FULL = "full", "Full", "满员 人满"
    DUPLICATE = "duplicate", "Duplicate", "重复"
    GONE = "gone", "Gone", "已撤除 已拆除"


class InspectionKind(Word):
    """Who looked at a station, and why."""

    SELF_CHECK = "self_check", "Self-check", "自查"
    TOWN_CHECK = "town_check", "Town check", "镇街核查 街道核查 乡镇核查"
    DISTRICT_SPOT = "district_spot", "District spot check", "区级抽查 区县抽查"
    UNANNOUNCED = "unannounced", "Unannounced visit", "暗访"
    RATING = "rating", "Star rating", "星级评定 星级评价"
    COMPLAINT_FOLLOW_UP = "complaint_follow_up", "Complaint follow-up", "投诉复核"


class Role(Word):
    """What the holder of a key may do; see ``access``."""

    HOST = "host", "Host", "站点单位"
    AUDITOR = "auditor", "Auditor", "审核员"
    ADMIN = "admin", "Administrator", "管理员"


class HoursCalendar(Word):
    """What Mo-Fr means in opening hours."""

    LITERAL = "literal", "Weekdays as written", "按星期"
    PRC_WORKDAYS = "prc_workdays", "Chinese working days", "法定工作日 工作日"


ENUMERATIONS: Mapping[str, type[Word]] = {
    re.sub(r"(?<!^)(?=[A-Z])", "_", enumeration.__name__).lower(): enumeration for enumeration in Word.__subclasses__()
}
"""Every enumeration by its name on the wire, such as ``station_kind``, in the order of this file."""

OPEN_FOR_USE = frozenset({OperationalStatus.OPEN, OperationalStatus.LIMITED})
"""The operational statuses in which a station can be used."""

_Word = TypeVar("_Word", bound=Word)


def vocabulary() -> dict[str, list[dict[str, str | None]]]:
    """Every enumeration with its words: ``{"tier": [{"value", "en", "zh", "osm"}, ...], ...}``."""
    return {
        name: [{"value": word.value, "en": word.en, "zh": word.zh, "osm": word.osm} for word in enumeration]
        for name, enumeration in ENUMERATIONS.items()
    }


def parse(enum_cls: type[_Word], text: str, *, loc: tuple[str | int, ...] = ()) -> _Word:
    """The word meant by a wire value, a label in either language or a common synonym of published lists.

    Letter case, full-width forms, spaces and hyphens do not matter: ``parse(Facility, " ＷｉＦｉ ")``. Raises
    InvalidInput with the allowed values, at ``loc``.
    """
    member = _readings(enum_cls).get(_folded(text))
    if member is not None:
        return enum_cls[member]
    name = next(name for name, enumeration in ENUMERATIONS.items() if enumeration is enum_cls)
    allowed = ", ".join(f"{word.value} ({word.zh})" for word in enum_cls)
    message = f"{text!r} is not a {name.replace('_', ' ')}; allowed: {allowed}"
    raise InvalidInput(message, problems=[Problem(loc, message, text)])


@cache
def _readings(enum_cls: type[Word]) -> dict[str, str]:
    """Folded text to member name. A label with a slash, 银行驿站/劳动者港湾, is read by either part too."""
    return {
        _folded(text): word.name
        for word in enum_cls
        for text in (word.value, word.en, word.zh, *word.zh.split("/"), *word.synonyms)
    }


def _folded(text: str) -> str:
    """The text without what people vary: width, case, spaces, hyphens, underscores and apostrophes."""
    return re.sub(r"[\s_'’-]+", "", unicodedata.normalize("NFKC", text).casefold())
