"""Options that no core can have are refused."""

import pytest

from captwin.hw.gates.kinds import KINDS, layers_of
from captwin.hw.gates.options import DEFAULT_KIND, SIZED_BY, CoreOptions
from captwin.hw.support.errors import CaptwinError


@pytest.mark.parametrize("options", [{"lanes": 3}, {"row_banks": 0}, {"pixel_lanes": 128}])
def test_options_are_powers_of_two(options: dict[str, int]) -> None:
    with pytest.raises(Exception, match="must be a power of two") as caught:
        CoreOptions(**options)
    assert "\n" not in str(caught.value)


def test_serial_layers_have_one_of_each() -> None:
    options = CoreOptions(4, (2, 1), (8, 1), loadable=True)
    assert options.of_kind("serial") == CoreOptions(4, 1, 1, loadable=True, serial=True)
    assert options.of_kind("parallel") == options
    assert options.of_kind("serial").of_kind("parallel") == CoreOptions(4, 1, 1, loadable=True)
    with pytest.raises(CaptwinError, match="lanes: must be 1 in a serial core, got 8"):
        CoreOptions(lanes=8, serial=True)


def test_only_parallel_layers_have_change_events() -> None:
    options = CoreOptions(4, 2, 8, change_events=True)
    assert options.of_kind("parallel").change_events and not options.of_kind("serial").change_events
    with pytest.raises(CaptwinError, match="change_events: a serial core keeps no sums; take a parallel one"):
        CoreOptions(1, 1, 1, serial=True, change_events=True)


def test_every_kind_of_layers_is_selected_by_its_option() -> None:
    assert SIZED_BY.keys() == KINDS.keys() and CoreOptions().kind == DEFAULT_KIND
    for kind, layers in KINDS.items():
        assert CoreOptions().of_kind(kind).kind == kind and layers_of(CoreOptions().of_kind(kind)) is layers


def test_a_number_for_each_layer() -> None:
    options = CoreOptions(row_banks=(2, 1), lanes=8)
    assert (options.each("row_banks", 2), options.each("lanes", 2)) == ((2, 1), (8, 8))
    with pytest.raises(CaptwinError, match="row_banks: the chip has 3 layers, not 2"):
        options.each("row_banks", 3)


def test_a_real_time_core_is_one_chip_and_takes_many_pixels() -> None:
    options = CoreOptions(8, (2, 1), (8, 1), loadable=True).of_kind("real_time")
    assert options == CoreOptions(8, 1, 1, real_time=True)
    wide = CoreOptions(1024, 1, 1, real_time=True)
    assert wide.of_kind("parallel") == CoreOptions(64, 1, 1)
    for wrong, message in (
        ({"loadable": True}, "--loadable: a real-time core is one chip"),
        ({"serial": True}, "--serial: a core is serial or real-time, not both"),
        ({"lanes": 4}, "lanes: must be 1 in a real-time core, got 4"),
        ({"pixel_lanes": 2048}, "pixel_lanes: must be a power of two from 1 to 1024, got 2048"),
    ):
        with pytest.raises(CaptwinError, match=message):
            CoreOptions(**{"row_banks": 1, "lanes": 1, "real_time": True} | wrong)
