"""The chip in gates: encoder, crossbars, neurons, readout, and the streams between them."""
