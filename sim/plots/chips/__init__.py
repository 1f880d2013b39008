"""Pictures of chips: weights, inferences, waveforms, columns against ngspice, fabricated chips."""
