"""The same chip at three depths: circuit tables, exact integers, simulated Verilog."""
