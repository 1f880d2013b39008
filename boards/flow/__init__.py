"""The way from a sized core to a bitstream on a board."""
