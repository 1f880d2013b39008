"""Loading another chip into a running core: requests that write, and the proof that a whole chip was written."""
