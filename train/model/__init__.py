"""The differentiable network with the circuit's response."""
