"""Data, the differentiable circuit, training, and the way from weights to a chip file."""

import os

from captwin.hw.support.cache_folder import prepare_caches

# PyTorch's and Numba's threads would otherwise burn the cores that the other's, or another program's, could use.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
prepare_caches()  # before Numba and Matplotlib are imported, which then look where theirs are
