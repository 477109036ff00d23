"""The README is a promise: its commands run, and print what it shows."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
YIZHAN = Path(sys.executable).with_name("yizhan")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(url: str, port: int) -> Iterator[None]:
    """The real server over a database, until the test is over."""
    command = [str(YIZHAN), "serve", "--port", str(port)]
    with subprocess.Popen(
        command, env={**os.environ, "DATABASE_URL": url}, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                    break
                assert server.poll() is None, server.stderr
                time.sleep(0.1)
            yield
        finally:
            server.terminate()
            server.communicate(timeout=20)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def test_the_commands_of_the_readme_run_as_printed(fresh_url: str, tmp_path: Path):
    for name in (".venv", "examples"):
        (tmp_path / name).symlink_to(ROOT / name if name != ".venv" else Path(sys.prefix))
    port = free_port()
    # One shell for all of it, as a reader would: what a block sets, the next one uses.
    script = "\n".join(blocks("README.md", "sh")).replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    with serving(fresh_url, port):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env={**os.environ, "DATABASE_URL": fresh_url},
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    for shown in blocks("README.md", "text")[:2]:
        assert shown in done.stdout
    nearest = next(line for line in done.stdout.splitlines() if "FeatureCollection" in line)
    features = json.loads(nearest[: nearest.rindex("}") + 1])["features"]
    assert len(features) == 2
    assert all("microwave" in {f["facility"] for f in feature["properties"]["facilities"]} for feature in features)
    assert re.search(r"yz_[0-9a-f]{12}_[\w-]{43}$", done.stdout, re.MULTILINE)
    assert len((tmp_path / "stations.csv").read_text().splitlines()) == 23


def test_the_two_readmes_show_the_same_commands():
    assert blocks("README.md", "sh") == blocks("README.zh-CN.md", "sh")
