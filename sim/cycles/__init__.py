"""Clock cycles of a core without simulating its gates."""
