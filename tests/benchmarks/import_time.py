"""How long `import sd_core` takes against `import numpy`: fresh interpreters in turn, medians.

Names are imported on first use, so the last arm uses all but `Engine` and `connect`, which bring torch and HTTP.

    python tests/benchmarks/import_time.py [rounds]

Ends with status 1 if `import sd_core` takes more than 1.5 times as long as numpy.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

LIMIT = 1.5
ROOT = Path(__file__).resolve().parents[2]
STATEMENTS = {
    "nothing": "pass",
    "numpy": "import numpy",
    "sd_core": "import sd_core",
    "all of it": "import sd_core\n[getattr(sd_core, name) for name in sd_core.__all__ if name not in ('Engine', 'connect')]",
}
TIMER = "import time; before = time.perf_counter()\n{}\nprint(time.perf_counter() - before)"


def seconds(statement: str) -> float:
    """Time of one import in a fresh interpreter, without the start of the interpreter itself."""
    command = [sys.executable, "-c", TIMER.format(statement)]
    return float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def medians(rounds: int) -> dict[str, float]:
    """Median seconds by name; the arms take turns, so that a busy machine slows all of them alike."""
    for statement in STATEMENTS.values():
        seconds(statement)  # byte code and disk cache
    runs = [{name: seconds(statement) for name, statement in STATEMENTS.items()} for _ in range(rounds)]
    return {name: statistics.median(run[name] for run in runs) for name in STATEMENTS}


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    found = medians(rounds)
    print(f"{'import':<10}{'median ms':>12}{'against numpy':>16}   ({rounds} rounds)")
    for name, value in found.items():
        print(f"{name:<10}{value * 1000:>12.1f}{value / found['numpy']:>16.2f}")
    ratio = found["sd_core"] / found["numpy"]
    print(f"sd_core takes {ratio:.2f} times as long as numpy; {LIMIT} is allowed")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    raise SystemExit(main())
