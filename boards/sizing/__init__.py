"""What a core takes of an FPGA, and which options fit."""
