"""Verbs that train a chip and look at it."""
