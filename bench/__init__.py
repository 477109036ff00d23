"""The bench: how fast the rider's question is answered, beside what others would answer it with, in one run.

`python -m bench full` writes bench/RESULTS.md, `quick` only prints, `profile` shows where a server's time goes. It
measures whatever `yizhan serve` is, on private clusters of its own under build/bench-data; all on the loopback.
"""

from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "bench"  # request lists, logs, raw numbers
DATA = ROOT / "build" / "bench-data"  # a private cluster a size
OURS = ROOT / ".venv" / "bin"
PEERS = ROOT / "build" / "bench-venv" / "bin"
