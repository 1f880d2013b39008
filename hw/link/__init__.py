"""The host link: what a device says over a serial line."""
