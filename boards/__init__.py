"""FPGA boards, one short file each; their families, sizing, tool flow, and host driver."""
