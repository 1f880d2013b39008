"""What an installation puts on a machine: one package, `captwin`, with all its files."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.proof

ROOMS = ("hw", "sim", "train", "boards", "scripts")
#: files of the rooms that only work in a checkout
LEFT_OUT = {f"captwin/scripts/development/{name}.txt" for name in ("pdks", "peers")}
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, f'build_{sys.argv[1]}')(sys.argv[2])"


def _build(what: str, tree: Path, into: Path) -> Path:
    """The wheel, or the sdist, that is made of the project in the folder ``tree``."""
    into.mkdir()
    subprocess.run([sys.executable, "-c", BUILD, what, str(into)], cwd=tree, check=True, capture_output=True)
    (made,) = into.iterdir()
    return made


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """An sdist and the wheel that is built of it. Built of a copy, since setuptools packs what earlier builds left."""
    folder = tmp_path_factory.mktemp("package")
    tree = folder / "tree"
    tree.mkdir()
    for name in (*ROOMS, "src", "docs"):  # a page of the documents is linked into a room
        unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, tree / name, symlinks=True, ignore=unwanted)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    sdist = _build("sdist", tree, folder / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return sdist, _build("wheel", unpacked, folder / "wheel")


def test_one_name_and_all_files(archives):
    """Whatever lies in the rooms is in the wheel, and nothing else but the package's own description."""
    names = {name for name in zipfile.ZipFile(archives[1]).namelist() if ".dist-info/" not in name}
    package = ROOT / "src/captwin"
    files = {path for path in package.iterdir() if path.is_file()}
    for room in ROOMS:
        files |= {path for path in (package / room).rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert names == {path.relative_to(ROOT / "src").as_posix() for path in files} - LEFT_OUT


def test_the_sources_hold_no_links(archives):
    """Where the rooms are links, as in a checkout, a sdist holds the files themselves."""
    with tarfile.open(archives[0]) as archive:
        assert not [member.name for member in archive if member.issym() or member.islnk()]


def test_installed_beside_packages_of_the_same_names(archives, tmp_path):
    """A folder with its own packages called train, scripts and hw does not disturb an installed captwin."""
    zipfile.ZipFile(archives[1]).extractall(tmp_path / "installed")
    work = tmp_path / "work"
    for name in ROOMS:
        (work / name).mkdir(parents=True)
        (work / name / "__init__.py").write_text(f"raise SystemExit('{name} of the folder')")
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path / 'installed')!r}, '']; import captwin; "
        f"assert {str(tmp_path)!r} in captwin.__file__; from captwin.scripts.main import main; main()"
    )
    command = [sys.executable, "-I", "-c", code, "evaluate", "digits-tiny", "--json"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and '"golden_accuracy": 0.9472' in done.stdout, done.stderr
