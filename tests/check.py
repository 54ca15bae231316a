"""Run every quick check: `python tests/check.py`, or some of them: `python tests/check.py lint types`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).parent.parent

CHECKS = {
    "format": ("ruff", "format", "--check", "."),
    "lint": ("ruff", "check", "."),
    "types": ("pyright",),
    "imports": ("lint-imports",),
    "tests": ("pytest", "-q"),
}


def main(names: list[str]) -> int:
    """Run the named checks, or all of them; returns 1 if one of them failed."""
    unknown = set(names) - set(CHECKS)
    if unknown:
        sys.stderr.write(f"no such check: {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}\n")
        return 2
    failed = [name for name in names or CHECKS if not passes(name)]
    sys.stderr.write(f"failed: {', '.join(failed)}\n" if failed else "all checks passed\n")
    return 1 if failed else 0


def passes(name: str) -> bool:
    """Run one check with the programs that are installed beside this Python."""
    program, *arguments = CHECKS[name]
    start = perf_counter()
    done = subprocess.run([str(Path(sys.executable).parent / program), *arguments], cwd=ROOT, check=False)
    sys.stderr.write(f"{name}: {'passed' if done.returncode == 0 else 'FAILED'} in {perf_counter() - start:.1f} s\n")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
