"""How long a spreadsheet of a hundred thousand sites takes to come in, and how much memory, in a process of its own."""

import argparse
import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import orjson
from openpyxl import Workbook

from bench import machine, results
from geo import db, embedded, imports, organisations, regions
from geo.access import Principal
from geo.transfer import Options

HEADER = ("序号", "网点号", "名称", "经度", "纬度", "地址", "区县", "营业时间", "设施", "进入方式", "电话", "容纳人数")
GOAL_S, GOAL_MB = 60, 500


def run(asked: argparse.Namespace) -> None:
    """Measure how long a large spreadsheet takes to come in, and how much memory, and put it into RESULTS.md."""
    found = ["# How fast a spreadsheet comes in", "", f"{machine.hardware()}, commit {machine.commit()}.", ""]
    for line in lines(asked.rows):
        print(line, flush=True)
        found.append(line)
    results.put(asked.results, "imports", found)


def lines(rows: int) -> Iterator[str]:
    """A table: the file for the first time, again, and with every hundredth row changed."""
    with tempfile.TemporaryDirectory(prefix="yizhan-bench-") as place:
        Path(place).chmod(0o755)
        with embedded.lease(Path(place) / "cluster", durable=True) as cluster:
            db.migrate(cluster.owner_url)
            who = furnish(cluster.owner_url)
            yield f"| {rows:,} rows | seconds | rows/s | MB | verdicts |"
            yield "|---|---:|---:|---:|---|"
            for title, every in (("first time", 0), ("again", 0), ("every hundredth row changed", 100)):
                yield line(cluster.owner_url, who, title, workbook(rows, changed_every=every))
            yield f"| goal for 100,000 rows | {GOAL_S} | | {GOAL_MB} | |"


def furnish(url: str) -> Principal:
    """Divisions and a bank."""
    engine = db.make_engine(url)
    with db.session(engine, db.OPERATOR, as_owner=True) as session:
        regions.load(session)
        organisations.create(session, organisations.draft(code="bank", name="银行", kind="bank"))
    engine.dispose()
    return Principal("bank", "host", "yz_bench")


def workbook(rows: int, *, changed_every: int) -> bytes:
    """A bank's list as a workbook: a site every kilometre or so, from Henan to the sea."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("网点")
    sheet.append(HEADER)
    for n in range(rows):
        hours = "周一至周五 08:30-17:30" if changed_every and n % changed_every == 0 else "周一至周五 09:00-17:00"
        site = (n + 1, f"41{n:07d}", f"劳动者港湾({n}号支行)", 112 + n % 500 * 0.01, 31 + n // 500 * 0.02)
        words = ("饮水;微波炉;桌椅", "直接进入", "0371-12345678", n % 40)
        sheet.append((*site, f"花园路{n}号", "金水区" if n % 50 == 0 else "", hours, *words))
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        book.save(file.name)
        return Path(file.name).read_bytes()


def line(url: str, who: Principal, title: str, content: bytes) -> str:
    """Bring the file in as the server does: what it took."""
    engine = db.make_engine(url)
    with db.session(engine) as session:
        job = imports.enqueue(session, who, content, Options())
    asked = multiprocessing.get_context("spawn").Queue()
    worker = multiprocessing.get_context("spawn").Process(target=work, args=(url, job, asked))
    worker.start()
    seconds, megabytes = asked.get()
    worker.join()
    with db.session(engine) as session:
        told = orjson.loads(imports.status(session, who, job).as_json())
    engine.dispose()
    counts = Counter(told.get("counts") or {"failed": 1})
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    return f"| {title} | {seconds:.1f} | {told['done'] / seconds:,.0f} | {megabytes:,.0f} | {verdicts} |"


def work(url: str, job: UUID, told: "multiprocessing.Queue[tuple[float, float]]") -> None:
    """In the worker: do it, and tell the seconds it took and the most memory it held."""
    began = time.perf_counter()
    imports.work(url, job)
    # Not ru_maxrss, which a process inherits from the one that started it.
    status = Path("/proc/self/status").read_text()
    peak_kb = int(status.split("VmHWM:")[1].split()[0])
    told.put((time.perf_counter() - began, peak_kb / 1000))
