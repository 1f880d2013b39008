"""The shape of the code: a folder has few files, a function few lines."""

import ast
from pathlib import Path

import pytest

from tests.support.paths import ROOT

FOLDERS = ("hw", "sim", "train", "boards", "scripts", "src", "tests")
CODE = (".py", ".cpp", ".v")
MOST_FILES, MOST_LINES, MOST_PARAMETERS = 14, 60, 8
#: functions that may be longer, and why
LONGER = {("sim/cycles/recurrence.py", "run"): "compiled as one piece: its loops share all of their state"}

FILES = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*"))  # links are not followed
    if path.suffix in CODE and path.stem not in ("__init__", "conftest")
]


def test_folders_have_few_files():
    """A folder with more files is grouped by subject into folders of its own."""
    folders: dict[Path, int] = {}
    for path in FILES:
        folders[path.parent] = folders.get(path.parent, 0) + 1
    assert len(folders) > 30
    full = [f"{path.relative_to(ROOT)}: {files} files" for path, files in folders.items() if files > MOST_FILES]
    assert not full, f"more than {MOST_FILES} files of code: {'; '.join(full)}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_functions_have_few_lines(folder):
    """Signature and docstring are counted, decorators are not."""
    long = []
    for path in (ROOT / folder).rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                lines = node.end_lineno - node.lineno + 1
                if lines > MOST_LINES and (name, node.name) not in LONGER:
                    long.append(f"{name}, {node.name}: {lines} lines")
    assert not long, f"more than {MOST_LINES} lines: {'; '.join(long)}"


def test_classes_take_few_parameters():
    """The rest is one thing with a name of its own."""
    many = []
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                for made in getattr(node, "body", []) if isinstance(node, ast.ClassDef) else []:
                    if isinstance(made, ast.FunctionDef) and made.name == "__init__":
                        taken = len(made.args.args) + len(made.args.kwonlyargs) - 1
                        if taken > MOST_PARAMETERS:
                            many.append(f"{path.relative_to(ROOT)}, {node.name}: {taken}")
    assert not many, f"more than {MOST_PARAMETERS} parameters: {'; '.join(many)}"
