"""Lock files: what is in an environment is written down (write.py), and its like is made of that (rebuild.py)."""
