"""Pictures of circuits: netlists, neuron tables, transients, corners, mismatch."""
