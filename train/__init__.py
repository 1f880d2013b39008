"""Data, the differentiable circuit, training, and the way from weights to a chip file."""
