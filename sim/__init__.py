"""Models of a chip: circuits in SPICE and as tables, exact integers, simulated Verilog."""

from captwin.hw.support.cache_folder import prepare_caches

prepare_caches()  # before Numba and Matplotlib are imported, which then look where theirs are
