"""The values of cleanenv: what a mount, a link, a user, an environment is. Nothing here touches a file."""
