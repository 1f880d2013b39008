"""A neuron's netlist as a diagram of its devices: what they are, and which stand above each other."""
