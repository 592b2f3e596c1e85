"""The command line: parses, calls one operation, shows its result. Only here something is printed or ends the process."""
