"""The Verilog that others take: its names, the sidecar that describes it, and the files that go with it."""
