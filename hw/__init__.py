"""What a chip is, and the chip in gates."""
