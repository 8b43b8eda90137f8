"""Recipes as package data: one YAML file per result that the project claims."""
