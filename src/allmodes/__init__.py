"""allmodes."""
