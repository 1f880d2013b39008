"""FPGA families: fabric, PLL, and what their tools need to be told."""
