"""ngspice: netlists, test benches, characterisation, columns."""
