"""Verbs that write, simulate and prove the gates."""
