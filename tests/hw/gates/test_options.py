"""Options that no core can have are refused."""

import pytest

from captwin.hw.gates.options import CoreOptions
from captwin.hw.support.errors import CaptwinError


@pytest.mark.parametrize("options", [{"lanes": 3}, {"row_banks": 0}, {"pixel_lanes": 128}])
def test_options_are_powers_of_two(options: dict[str, int]) -> None:
    with pytest.raises(Exception, match="must be a power of two") as caught:
        CoreOptions(**options)
    assert "\n" not in str(caught.value)


def test_serial_layers_have_one_of_each() -> None:
    options = CoreOptions(4, (2, 1), (8, 1), loadable=True)
    assert options.as_serial() == CoreOptions(4, 1, 1, loadable=True, serial=True)
    with pytest.raises(CaptwinError, match="lanes: must be 1 in a serial core, got 8"):
        CoreOptions(lanes=8, serial=True)


def test_a_number_for_each_layer() -> None:
    options = CoreOptions(row_banks=(2, 1), lanes=8)
    assert (options.each("row_banks", 2), options.each("lanes", 2)) == ((2, 1), (8, 8))
    with pytest.raises(CaptwinError, match="row_banks: the chip has 3 layers, not 2"):
        options.each("row_banks", 3)
