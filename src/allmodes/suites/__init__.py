"""Suites: several trainings by one command, and one page that shows them side by side; a YAML file each."""
