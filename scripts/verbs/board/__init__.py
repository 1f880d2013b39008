"""Verbs that build for a board and talk to it."""
