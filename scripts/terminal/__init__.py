"""What verbs print: results, progress, and findings that several of them tell."""
