"""Many runs compared: seeds, and two chips on the same images."""
