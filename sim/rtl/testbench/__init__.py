"""Testbenches: cocotb's, which the simulators run, and one in plain Verilog that goes with a core's file."""
