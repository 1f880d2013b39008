"""What is around the neurons of an analog chip: drivers of rows and clocks, references; designed, measured, kept."""
