"""The demo runs as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


def test_the_demo_keeps_its_promises() -> None:
    done = subprocess.run(
        [sys.executable, str(DEMO)], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for promised in ("hello over tcp", "hello over tls", "refused", "b'OK'", "exited with 0"):
        assert promised in done.stdout
    assert "Traceback" not in done.stderr
