"""A run folder: train into it, go on, lock, pictures."""
