"""The datasheet of a circuit as one HTML page: a module a section, of the blocks of ``captwin report``'s page."""
