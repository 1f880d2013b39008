"""Netlists on the test bench: single cycles, halves of them, whole columns, references and leakage."""
