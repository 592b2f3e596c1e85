"""What is wrong on this host and with the user's environments, and what mends it."""
