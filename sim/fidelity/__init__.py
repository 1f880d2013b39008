"""The twin beside SPICE's column: spikes and membranes compared."""
