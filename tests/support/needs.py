"""What some tests need of the machine; they are skipped, with the reason, where it is missing."""

import shutil

import pytest

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="needs ngspice: apt-get install ngspice")
