"""Simulated Verilog: cocotb testbenches, compiled twins, the virtual board."""
