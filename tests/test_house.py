"""The rules of the house, as tests: what style says of the whole tree, held by reading the tree."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = sorted(path for room in ("api", "geo", "migrations", "tests", "bench") for path in (ROOT / room).rglob("*.py"))
PURE = {"datum", "hours", "hours_zh", "access", "vocabulary", "distance"}
IDEAS = PURE | {"db", "errors", "tables", "tables_visits", "settings", "embedded", "postgres"}
NO_ROOM = {"utils", "core", "common", "helpers", "services", "repositories", "managers"}


def name_of(path: object) -> str:
    return str(Path(str(path)).relative_to(ROOT))


def imports(path: Path) -> set[str]:
    """Modules of ours that a file imports, dotted."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {module for module in found if module.split(".")[0] in {"api", "geo", "migrations", "tests"}}


def geo_words(path: Path) -> set[str]:
    """The modules of `geo` that a file imports, by their word."""
    words = {module.split(".")[1] for module in imports(path) if module.startswith("geo.")}
    return {word for word in words if (ROOT / "geo" / f"{word}.py").exists()}


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_a_file_is_read_in_one_sitting(path: Path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", sorted((ROOT / "geo").glob("*.py")), ids=name_of)
def test_geo_imports_neither_doors_nor_http(path: Path):
    assert not [module for module in imports(path) if not module.startswith("geo")]
    assert not re.search(r"^\s*(from|import) (fastapi|starlette)", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("word", sorted(PURE))
def test_pure_ideas_import_nothing_of_ours_but_errors(word: str):
    path = ROOT / "geo" / f"{word}.py"
    if path.exists():
        assert geo_words(path) <= {"errors"} | ({"hours"} if word == "hours_zh" else set())


def test_features_import_each_other_downhill_only():
    graph = {path.stem: geo_words(path) for path in (ROOT / "geo").glob("*.py")}

    def visit(word: str, trail: tuple[str, ...]) -> None:
        assert word not in trail, " -> ".join((*trail, word))
        for below in graph[word]:
            visit(below, (*trail, word))

    for word in graph:
        visit(word, ())


def test_there_is_no_fourth_room():
    words = {part.removesuffix(".py") for path in CODE for part in path.relative_to(ROOT).parts}
    assert not words & NO_ROOM


def functions() -> list[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    return [
        (path, node)
        for path in CODE
        if path.is_relative_to(ROOT / "api") or path.is_relative_to(ROOT / "geo")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
    return (node.end_lineno or 0) - first.lineno + 1


def test_functions_are_short():
    # The command line's bodies are mostly the words of its options; they have the same limit.
    assert not [f"{name_of(p)}:{n.name} {body_lines(n)}" for p, n in functions() if body_lines(n) > 25]


def test_routes_are_ten_lines_at_most():
    long = [
        f"{name_of(path)}:{node.name}"
        for path, node in functions()
        if path.is_relative_to(ROOT / "api" / "routes") and node.decorator_list and body_lines(node) > 10
    ]
    assert not long


def test_geo_never_commits_but_in_db():
    for path in (ROOT / "geo").glob("*.py"):
        if path.stem not in {"db"}:
            assert ".commit()" not in path.read_text(), name_of(path)


def test_http_exceptions_are_raised_nowhere():
    for path in CODE:
        if path.name != "test_house.py" and path != ROOT / "api" / "errors.py":
            assert "HTTPException" not in path.read_text(), name_of(path)


QUERIES = sorted((ROOT / "geo" / "sql").glob("*.sql"))


@pytest.mark.parametrize("path", QUERIES, ids=name_of)
def test_a_query_says_what_it_answers_and_binds_every_parameter(path: Path):
    query = path.read_text()
    assert query.startswith("-- ")
    assert not re.search(r":\w+::", query), "`:x::type` is silently not bound; write CAST(:x AS type)"


def test_every_query_is_used():
    code = "".join(path.read_text() for path in (ROOT / "geo").glob("*.py"))
    assert [path.stem for path in QUERIES if f'"{path.stem}"' not in code] == []


def test_no_query_is_put_together_from_pieces():
    for path in (ROOT / "geo").glob("*.py"):
        assert not re.search(r"text\(\s*f[\"']", path.read_text()), name_of(path)


def test_every_setting_is_documented():
    from geo.settings import Settings

    manual = (ROOT / "docs" / "operations.md").read_text()
    for field in Settings.model_fields.values():
        assert field.description
        assert f"`{field.validation_alias}`" in manual


def test_every_command_is_documented():
    from typer import Context
    from typer.main import get_group

    from api.cli import FAMILIES, Family, app

    manual = (ROOT / "docs" / "operations.md").read_text()
    top = get_group(app)
    assert {name for name, command in top.commands.items() if isinstance(command, Family)} == set(FAMILIES)
    for name, command in top.commands.items():
        words = command.list_commands(Context(command)) if isinstance(command, Family) else [""]
        assert words
        for below in words:
            assert f"yizhan {name} {below}".strip() in manual


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        ("--help", ("pydantic", "sqlalchemy", "psycopg", "numpy", "shapely", "openpyxl", "fastapi", "granian")),
        ("doctor", ("scipy", "openpyxl", "fastapi", "granian", "alembic")),
        ("keys revoke yz_nobody", ("scipy", "openpyxl", "fastapi", "granian", "alembic")),
    ],
)
def test_a_command_imports_only_what_it_works_with(words: str, unwanted: tuple[str, ...], server: str):
    """Each is a new process: what it imports needlessly, the operator waits for every time."""
    script = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); from api.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, *words.split()],
        cwd=ROOT, env=os.environ | {"DATABASE_URL": server}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    imported = done.stdout.splitlines()[-1].split()
    assert "api.terminal" in imported
    assert not set(unwanted) & set(imported), done.stderr


def test_every_decision_has_its_four_parts():
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert len(pages) >= 5
    for page in pages:
        for heading in ("## Context", "## Options", "## Decision", "## Consequences"):
            assert heading in page.read_text(), name_of(page)


def test_the_project_names_no_package_registry():
    hosts = ["files.python" + "hosted", "py" + "pi.org", "registry.npm" + "js", "deb.deb" + "ian.org"]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        content = (ROOT / name).read_text(errors="ignore") if (ROOT / name).is_file() else ""
        assert not [host for host in hosts if host in content], name


def test_the_version_is_said_once():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (
        f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text()
        or "Unreleased" in (ROOT / "CHANGELOG.md").read_text()
    )
