"""Pictures of chips, neurons and runs, as matplotlib figures and PNG files."""
