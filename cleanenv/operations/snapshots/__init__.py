"""The history of an environment: snapshots taken, gone back to, compared and removed.

The tree is in the state file (model/history.py), the content of each snapshot is an image of the engine. An image is
made before the file speaks of it and removed after: a command that is killed leaves at most an image too many, which
its labels give away (leftovers.py).
"""
