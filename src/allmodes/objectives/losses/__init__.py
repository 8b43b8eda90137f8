"""Adversarial losses: what discriminator and generator minimise, given scores."""
