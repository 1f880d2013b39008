"""Verbs that run SPICE and the devices' models."""
