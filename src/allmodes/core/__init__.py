"""The vocabulary of the project: records, errors, discovery by name, seeding, files on disk. No algorithms."""
