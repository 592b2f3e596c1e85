"""The container engine: the port, the adapter to Docker and Podman, and base images.

Importing this package does not import the docker SDK (250 ms); `cleanenv.engine.docker_engine` does.
"""
