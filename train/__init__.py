"""Data, the differentiable circuit, training, and the way from weights to a chip file."""

import os

# PyTorch's and Numba's threads would otherwise burn the cores that the other's, or another program's, could use.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
