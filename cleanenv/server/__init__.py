"""The environment server: one process per environment that serves its live directory and its control socket.

It stays small: of cleanenv it imports the model, the agent's client, the mounts and cleanenv_fuse; of the engine one
request, never its library.
"""
