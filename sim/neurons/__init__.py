"""Neuron circuits as tables: the tables that ship, quantisation, verdicts."""
