"""The serial line: UART, frames with COBS and CRC-32, and the port that joins them."""
