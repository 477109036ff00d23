"""The bench: a run writes its own section of the results and leaves what others have measured."""

from pathlib import Path

from bench import results


def test_each_bench_writes_its_own_section_and_keeps_the_others(tmp_path: Path):
    file = tmp_path / "RESULTS.md"
    results.put(file, "visits", ["# Visits", "", "first"])
    results.put(file, "nearest", ["# Nearest"])
    results.put(file, "coverage", ["# Coverage", ""])
    results.put(file, "visits", ["# Visits", "", "second"])
    assert results.sections(file.read_text()) == {
        "nearest": "# Nearest",
        "visits": "# Visits\n\nsecond",
        "coverage": "# Coverage",
    }
    assert file.read_text().splitlines()[0] == "<!-- nearest -->"


def test_the_results_that_are_kept_consist_of_sections():
    told = (Path(results.__file__).with_name("RESULTS.md")).read_text()
    found = results.sections(told)
    assert "nearest" in found
    assert set(found) <= set(results.SECTIONS)
    assert sum(len(each.splitlines()) + 2 for each in found.values()) + len(found) - 1 == len(told.splitlines())
