"""How much slower this machine is than the one of the bars: `python -m tests.machine` prints it.

An audit is mostly processes that begin and end: their start is the yardstick, and nothing of it is ours.
`make bench` measures against the bare bars.
"""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

STARTS = 100
# Seconds for so many starts on the machine of docs/benchmarks.md of 2026-11-26: there testinfra's ssh backend took
# 19.9 s for 100 commands; where it took 39.1 and 39.9 s, these starts took 3.0 s (2.7 to 3.4 in twelve runs).
SECONDS = 1.5


def slower() -> float:
    """Return how many times longer things take here and now; 1 on a machine that is as fast, or faster."""
    begun = time.monotonic()
    command = ["/usr/bin/python3", "-I", "-c", "import json, socket, ssl, subprocess"]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: subprocess.run(command, check=True), range(STARTS)))
    return max(1.0, (time.monotonic() - begun) / SECONDS)


if __name__ == "__main__":
    print(f"{slower():.2f}")
