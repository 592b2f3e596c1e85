"""What a program call costs, beside other ways into the same container: `python -m benchmarks --help`."""
