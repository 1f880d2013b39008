"""The host's side of the link: serial line, driver, loading of chips, trace words, discovery of boards."""
