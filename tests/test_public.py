"""The public interface: what `import captwin` costs, and that type checkers and Python see the same names."""

import ast
import doctest
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import captwin
from tests.support.paths import ROOT, SOURCES

FACE = SOURCES / "captwin/__init__.py"


def test_import_is_cheap():
    """Nothing of the project and no library is imported before a name is used."""
    code = "import sys; before = set(sys.modules); import captwin; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=SOURCES)
    modules = ast.literal_eval(done.stdout)
    assert [name for name in modules if name.partition(".")[0] not in sys.stdlib_module_names] == ["captwin"]


def test_type_checkers_see_the_same_names():
    """The imports that type checkers read say the same as the table that Python reads."""
    (checked,) = (node for node in ast.parse(FACE.read_text()).body if isinstance(node, ast.If))
    imports = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imports == captwin.PUBLIC
    assert captwin.__all__ == sorted(captwin.PUBLIC)


@pytest.mark.parametrize("name", captwin.PUBLIC)
def test_every_name_is_there(name):
    module, attribute = captwin.PUBLIC[name]
    assert getattr(captwin, name) is getattr(import_module(module), attribute)
    assert getattr(captwin, name).__doc__
    assert name in dir(captwin)


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="module 'captwin' has no attribute 'train_chips'"):
        _ = captwin.train_chips


def test_the_package_is_typed():
    assert (Path(FACE).parent / "py.typed").is_file()
    assert captwin.__file__ == str(FACE) and ROOT in FACE.parents


#: whose examples need compilers, place and route, ngspice, a board or a training run: docs/python.md has them too
LONG = {
    *("write_verilog", "train_chip", "compile_gates", "verify", "build_bitstream"),
    *("characterize", "open_bench", "compare_columns", "VirtualBoard", "Device"),
}


@pytest.mark.parametrize("name", [name for name in captwin.PUBLIC if name not in ("Chip", "CaptwinError")])
def test_every_docstring_has_an_example(name):
    """It uses the public name, and gives what it says."""
    test = doctest.DocTestParser().get_doctest(getattr(captwin, name).__doc__, {"captwin": captwin}, name, None, 0)
    assert any(f"captwin.{name}(" in example.source for example in test.examples)
    if name not in LONG:
        assert doctest.DocTestRunner().run(test).failed == 0
