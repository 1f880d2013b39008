"""The report of a build as one HTML page: a module a section, which computes; one template, which shows."""
