"""Entering and leaving an environment in a shell."""
