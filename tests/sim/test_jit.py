"""Machine code that Numba keeps: taken whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import SOURCES
from tests.support.proofs import proofs

PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from kept import double
assert double(21) == 42
print(sum(double.stats.cache_hits.values()))
"""

DAMAGES = {
    "cut": lambda content: content[:40],
    "flipped": lambda content: content[:-20] + bytes([content[-20] ^ 1]) + content[-19:],
}


def hits(tmp_path: Path) -> tuple[int, str]:
    """How often a process took the function from the cache, and what it said."""
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(tmp_path / "numba"),
        "PYTHONPATH": str(SOURCES),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(folder=str(tmp_path))],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout), done.stderr


@pytest.mark.parametrize("suffix", ["nbi", *proofs(["nbc"])])
def test_damaged_machine_code_is_compiled_again(suffix: str, tmp_path: Path) -> None:
    lines = ["from captwin.sim.jit import njit", "@njit(cache=True)", "def double(x):", "    return x + x", ""]
    (tmp_path / "kept.py").write_text("\n".join(lines))
    assert hits(tmp_path) == (0, "") and hits(tmp_path) == (1, "")
    (file,) = (tmp_path / "numba").rglob(f"*.{suffix}")
    whole = file.read_bytes()
    for name, damage in DAMAGES.items():
        file.write_bytes(damage(whole))
        taken, said = hits(tmp_path)
        assert taken == 0 and said.count("\n") == 1 and "damaged" in said, (name, said)
    assert hits(tmp_path) == (1, "")
