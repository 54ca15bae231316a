"""A storm around the server: kills, full disks, flipped bits, sleep, broken devices; what held is printed as a table.

    OMP_NUM_THREADS=1 python tests/benchmarks/server_storm.py [--seed 1] [--parts engines servers ...] [--sleep 120]

Everything runs on 127.0.0.1 in a temporary folder with tiny models, in about ten minutes on two cores; `--sleep 120` adds a real
sleep of two minutes with the server's own deadlines. Ends with 1 where a law was broken. Linux only.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.server.storm.findings import Findings, table
from tests.server.storm.parts import PARTS, run_part
from tests.server.storm.scene import Scene
from tests.server.storm.suspension import suspend


def main() -> int:
    """Run the parts and print what they find."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="sd_core-storm-", ignore_cleanup_errors=True) as folder:
        scene = Scene.build(Path(folder))
        found = []
        for name in options.parts:
            found += _run(name, scene, options.seed)
        if options.sleep:
            found += [suspend(scene, options.seed, options.sleep, {})]
    print(table(found))
    return int(any(part.broken for part in found))


def _run(name: str, scene: Scene, seed: int) -> list[Findings]:
    """What a part finds, told at once."""
    found = run_part(name, scene, seed)
    for part in found:
        print(part.told() or f"{part.name}: all laws hold", f"({part.figures['seconds']} s)", flush=True)
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="of every random choice")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument(
        "--sleep", type=float, default=0.0, help="seconds of a real sleep with the server's own deadlines"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
