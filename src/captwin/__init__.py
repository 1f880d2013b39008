"""Digital twin, in gates, of a memcapacitive spiking neural network chip."""
