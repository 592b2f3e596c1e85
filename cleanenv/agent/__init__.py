"""The Python side of the agent's socket: questions about the container's files."""
