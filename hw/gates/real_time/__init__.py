"""The real-time kind of layers: every clock cycle is one time step of some image."""
