"""FPGA boards: one short file a board. None yet."""
