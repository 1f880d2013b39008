"""The verbs of the command line, one file each, in the groups of ``captwin --help``."""
