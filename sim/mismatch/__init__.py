"""Neurons as fabricated: what a foundry's statistics make of a circuit, measured neuron by neuron in ngspice."""
