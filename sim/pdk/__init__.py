"""Foundries' process design kits: devices, corners, limits, and where their device models come from."""
