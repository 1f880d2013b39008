"""Memcapacitors: device model, weights as capacitances, column gains, fabricated chips."""
