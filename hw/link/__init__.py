"""The core behind a serial port or an AXI4-Stream: protocol, framing, requests and replies."""
