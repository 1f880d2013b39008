"""Labelled images, and pictures of one's own."""
