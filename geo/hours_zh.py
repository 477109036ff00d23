"""Hours as Chinese notices write them, into OSM ``opening_hours``: ``read("周一至周五 8：30—17：30")``.

All or nothing: a text that is not understood to its last character stays whole as a note; nothing is guessed.
Not for judging OSM notation, nor for what hours mean on a day (``hours``).
"""

import re
import unicodedata
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import NamedTuple

from geo import hours
from geo.errors import InvalidInput


class Understood(NamedTuple):
    """Hours in OSM notation and the calendar to read them by; or else the text, whole, as a note."""

    opening_hours: str | None
    hours_calendar: str | None
    note: str | None


class _Obscure(Exception):
    """The text says something else as well, or may be meant in two ways."""


@dataclass
class _Group:
    """Some days and what is said of them."""

    days: set[int] = field(default_factory=set)  # 0-6, and 7 for holidays; none when the text names none
    words: set[str] = field(default_factory=set)  # the kinds of word that name them
    spans: list[tuple[int, int]] = field(default_factory=list)  # minutes after midnight, up to 48 h
    off: bool = False
    paused: bool = False  # more than 、 or 及 stands between its days and what comes next
    mixed: bool = False  # and yet more days came next: which of them are meant?
    closed: bool = False  # whatever comes next is about other days


_DAYS = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su", "PH"]
_HOLIDAY = 7
_EVERY_DAY, _WORKING_DAYS, _WEEKEND = set(range(7)), set(range(5)), {5, 6}
_NAMED = {
    "every": _EVERY_DAY,
    "working": _WORKING_DAYS,
    "weekend": _WEEKEND,
    "legal": {_HOLIDAY},
    "holiday": {_HOLIDAY},
}
_WEEKDAYS = {
    numeral: day for week in ("一二三四五六日", "一二三四五六天", "1234567") for day, numeral in enumerate(week)
}
_NUMBERS = {numeral: value for value, numeral in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_PARTS = {"半": 30, "一刻": 15, "三刻": 45}
_DAY, _EVENING = 24 * 60, 17 * 60

# For each half of the day: the hours that are written with it, and those of them that mean 12 hours later.
_HALVES = {
    "凌晨": ({*range(7)}, set()),
    "清晨|早晨|早上|上午|早": ({*range(13)}, set()),
    "中午|正午|午间": ({11, 12, 13, 14, 1, 2}, {1, 2}),
    "下午|午后|傍晚": ({*range(1, 24)}, {*range(1, 12)}),
    "晚上|晚间|夜间|夜里|深夜|晚": ({*range(5, 13), *range(17, 25)}, {*range(5, 13)}),
}
_HALF, _TO = f"(?:{'|'.join(_HALVES)})", r"\s*[-至到]\s*"
_CLOCK = (
    rf"(?P<NAMEnext>次日|翌日|第二天)?\s*(?P<NAMEhalf>{_HALF})?[\s:]*(?<!\d)(?P<NAMEhour>\d\d?)"
    r"(?:[:.](?P<NAMEminute>\d\d)(?!\d)|[点时](?:(?P<NAMEpast>\d\d?)分?|(?P<NAMEpart>半|一刻|三刻)|整|钟)?"
    rf"|(?={_TO}{_HALF}?\d\d?[点时]))"  # as in 8-17点
)
_WEEK, _NUMERAL = "(?:周|星期|礼拜)", r"(?:[一二三四五六日天]|[1-7](?![\d:.点时]))"
_TOKENS = re.compile(
    r"(?P<around>7天?\s*[*x×]?\s*24\s*(?:小时|h)|7\s*[*x×]\s*24|24\s*[*x×/]\s*7|24\s*(?:个?小时|h)|全天候?|全日)"
    rf"|(?P<span>{_CLOCK.replace('NAME', 'first_')}{_TO}{_CLOCK.replace('NAME', 'last_')})"
    r"|(?P<every>每[天日]|天天|全年无休|全年|(?:法定)?节假日(?:无休|不休息?|照常|正常)(?:开放|营业)?)"
    r"|(?P<working>(?:法定)?工作日)"
    r"|(?P<weekend>周末|双休日?)"
    r"|(?P<legal>(?:国家)?法定(?:节假日|节日|假日|假期))"
    r"|(?P<holiday>节假日)"
    rf"|(?P<weekdays>[每逢]?{_WEEK}{_NUMERAL}(?:{_TO}{_WEEK}?{_NUMERAL})?"
    r"(?:[、,和及]?[一二三四五六日天](?:[-至到][一二三四五六日天])?)*)"
    r"|(?P<off>(?:不对外|不|停止|暂停)(?:开放|营业|服务)|除外|休息|公休|放假|闭馆|闭站|关闭|关门)"
    r"|(?P<but>除了?)"
    r"|(?P<outside>[以之]?外)"
    r"|(?P<link>[、和及与])"
    r"|(?P<noise>(?:对外)?(?:开放|营业|服务|工作)时间|(?:对外|正常)?(?:开放|营业|服务)|[\s,;:/|()\[\]。均为])",
    re.IGNORECASE,
)


def read(text: str) -> Understood:
    """The hours in a Chinese notice, or in OSM notation: ``工作日 8:30-17:30`` gives ``Mo-Fr 08:30-17:30``.

    ``工作日`` are working days (``prc_workdays``), ``周一至周五`` the weekdays as such (``literal``).
    """
    written = text.strip()
    if not written:
        return Understood(None, None, None)
    bare = written.strip('"“”') if written[0] in '"“' else written
    for reader in (_read_notation, _read_notice):
        try:
            return reader(bare)
        except (_Obscure, InvalidInput):
            continue
    return Understood(None, None, written)


def _read_notation(text: str) -> Understood:
    # Notation writes 09:00; in a notice 9:00-5:00 hardly means until five the next morning.
    if not re.search("[A-Za-z]", text) and re.search(r"(?<!\d)\d[:：]", text):
        raise _Obscure
    return Understood(hours.validate(text), "literal", None)


def _read_notice(text: str) -> Understood:
    if len(text) > hours.MAX_LENGTH:
        raise _Obscure
    groups = _settled(_groups(_plain(text)))
    working = any("working" in group.words for group in groups)
    rules = [_rule(group) for group in sorted(groups, key=lambda group: group.off)]
    return Understood(hours.validate("; ".join(rules)), "prc_workdays" if working else "literal", None)


def _plain(text: str) -> str:
    """The text with half-width signs, and with digits for the numbers of a clock."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub("[-‐‑‒–—―−~〜]+", "-", text).replace("∶", ":")
    text = re.sub(r"(\([^()]*(?:除|休息|不)[^()]*\))(.+)", r"\2;\1", text)  # 周一至周五(节假日除外)9:00-17:00
    digit = f"[{''.join(_NUMBERS)}]"
    text = re.sub(rf"(?:二?十{digit}?|零?{digit})(?=[点时]|个?小时)", lambda found: _number(found[0]), text)
    return re.sub(rf"(?<=[点时])(?:[二三四五]?十{digit}?|零?{digit})(?!刻)", lambda found: _number(found[0]), text)


def _number(numeral: str) -> str:
    tens, ten, ones = numeral.rpartition("十")
    first = _NUMBERS[tens] if tens else 1
    return str(first * 10 * bool(ten) + (_NUMBERS[ones[-1]] if ones else 0))


def _groups(text: str) -> list[_Group]:
    groups, at = [_Group()], 0
    while at < len(text):
        found = _TOKENS.match(text, at)
        if not found:
            raise _Obscure
        kind = str(found.lastgroup)
        if kind == "but":
            groups.append(_Group(off=True))
        elif kind in ("off", "outside"):
            _close(groups[-1], kind)
        elif kind in ("around", "span"):
            _open(groups, (0, _DAY) if kind == "around" else _span(found))
        elif kind == "noise":
            groups[-1].paused = bool(groups[-1].days)
        elif kind != "link":
            _name(groups, kind, _NAMED.get(kind) or _weekdays(found[0]))
        at = found.end()
    return [group for group in groups if group != _Group()]


def _name(groups: list[_Group], kind: str, days: set[int]) -> None:
    if groups[-1].spans or groups[-1].closed:
        groups.append(_Group())
    groups[-1].mixed = groups[-1].paused
    groups[-1].days |= days
    groups[-1].words.add(kind)


def _open(groups: list[_Group], span: tuple[int, int]) -> None:
    if groups[-1].closed:
        groups.append(_Group())
    if groups[-1].off:
        raise _Obscure
    groups[-1].spans.append(span)


def _close(group: _Group, kind: str) -> None:
    # 周末休息 names the days first, 除周末外 last; 周一至周五，节假日除外 does not mean both.
    after = kind == "off"
    if not group.days or group.spans or group.closed or group.off == after or (group.mixed and after):
        raise _Obscure
    group.off = group.closed = True


def _weekdays(text: str) -> set[int]:
    days: set[int] = set()
    for first, last in re.findall(
        r"([一二三四五六日天1-7])(?:[-至到]([一二三四五六日天1-7]))?", re.sub(rf"{_WEEK}|\s", "", text)
    ):
        start, end = _WEEKDAYS[first], _WEEKDAYS[last or first]
        days |= {(start + ahead) % 7 for ahead in range((end - start) % 7 + 1)}
    return days


def _span(found: re.Match[str]) -> tuple[int, int]:
    start, end = _minutes(found, "first_"), _minutes(found, "last_")
    early = int(found["first_hour"]) <= 12 and start >= _DAY // 2  # of 下午2:00-6:00 both are after noon
    if early and found["first_half"] and not found["last_half"] and start < end + _DAY // 2 <= _DAY:
        end += _DAY // 2
    overnight = found["last_half"] == "凌晨" or start >= _EVENING or end == 0
    if found["last_next"] or (end < start and overnight):
        end += _DAY
    if found["first_next"] or start >= _DAY or not start < end <= 2 * _DAY:
        raise _Obscure
    return start, end


def _minutes(found: re.Match[str], clock: str) -> int:
    hour = int(found[f"{clock}hour"])
    for names, (written, later) in _HALVES.items():
        if re.fullmatch(names, found[f"{clock}half"] or ""):
            if hour not in written:
                raise _Obscure
            hour += 12 * (hour in later)
    minute = int(found[f"{clock}minute"] or found[f"{clock}past"] or _PARTS.get(found[f"{clock}part"], 0))
    if minute > 59 or hour * 60 + minute > _DAY:
        raise _Obscure
    return hour * 60 + minute


def _settled(groups: list[_Group]) -> list[_Group]:
    """The groups, each with its days and what is said of them."""
    if len(groups) > 1 and groups[0].spans and not groups[1].spans and not groups[1].off:
        times, named = groups[0], groups.pop(1)  # 8:00-18:00 周一至周五
        if times.days not in (set(), named.days):
            raise _Obscure
        times.days, times.words = named.days, times.words | named.words
    settled: list[_Group] = []
    for group in groups:
        same = [other for other in settled if other.days == group.days and other.words == group.words]
        if same and not group.off and not same[0].off:
            same[0].spans += group.spans
        else:
            settled.append(group)
    _check(settled)
    return settled


def _check(groups: list[_Group]) -> None:
    """Refuse groups that say nothing, contradict each other or do not say which holidays they mean."""
    opened = [group for group in groups if not group.off]
    if not opened or any(not group.spans for group in opened) or any(group.off and not group.days for group in groups):
        raise _Obscure
    for group in opened:
        group.spans.sort()
        if any(after[0] < before[1] for before, after in pairwise(group.spans)):
            raise _Obscure
    for before, after in combinations((group.days or _EVERY_DAY for group in opened), 2):
        if before & after and not after < before:
            raise _Obscure
    # 工作日 … 节假日 …: a speaker may count the weekends among the latter, unless they are named too.
    said = set().union(*(group.days or _EVERY_DAY for group in groups))
    if any("holiday" in group.words for group in opened) and not said >= _WEEKEND:
        raise _Obscure


def _rule(group: _Group) -> str:
    if group.spans == [(0, _DAY)] and group.days in (set(), _EVERY_DAY):
        return "24/7"
    names: list[str] = []
    for day in sorted(group.days - {_HOLIDAY}):
        if day - 1 not in group.days:
            names.append(_DAYS[day])
        elif day + 1 not in group.days or day == 6:
            names[-1] += f"-{_DAYS[day]}"
    names += [_DAYS[_HOLIDAY]] * (_HOLIDAY in group.days)
    what = "off" if group.off else ",".join(f"{_time(start)}-{_until(start, end)}" for start, end in group.spans)
    return f"{','.join(names)} {what}".strip()


def _until(start: int, end: int) -> str:
    return _time(end - _DAY if _DAY < end < start + _DAY else end)


def _time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
