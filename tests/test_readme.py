"""The README is a promise: its commands run, and print what it shows."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.serving import serving

ROOT = Path(__file__).parents[1]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def test_the_commands_of_the_readme_run_as_printed(fresh_url: str, tmp_path: Path):
    for name in (".venv", "examples"):
        (tmp_path / name).symlink_to(ROOT / name if name != ".venv" else Path(sys.prefix))
    # One shell for all of it, as a reader would: what a block sets, the next one uses. Riders see a change a moment
    # after it is made, which is less than a reader takes to go on to the next block.
    commands = blocks("README.md", "sh")
    seen = "until {} | grep -q microwave; do sleep 0.1; done\n{}"
    script = "\n".join(seen.format(block.strip(), block) if "/nearest?" in block else block for block in commands)
    with serving(fresh_url) as address:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace("http://127.0.0.1:8000", address)],
            cwd=tmp_path,
            env={**os.environ, "DATABASE_URL": fresh_url},
            capture_output=True,
            text=True,
            timeout=400,
        )
    assert done.returncode == 0, done.stderr
    for shown in blocks("README.md", "text")[:2]:
        assert shown in done.stdout
    nearest = next(line for line in done.stdout.splitlines() if "FeatureCollection" in line)
    features = json.loads(nearest[: nearest.rindex("}") + 1])["features"]
    assert len(features) == 2
    assert all("microwave" in {f["facility"] for f in feature["properties"]["facilities"]} for feature in features)
    assert len(Path("/tmp/yizhan-stations.csv").read_text().splitlines()) == 23


def test_the_two_readmes_show_the_same_commands():
    assert blocks("README.md", "sh") == blocks("README.zh-CN.md", "sh")
