"""Benchmarks and the pictures of the documents; not part of the command line."""
