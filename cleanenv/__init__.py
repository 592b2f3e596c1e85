"""cleanenv: isolated environments in containers whose programs feel local."""

from __future__ import annotations

__version__ = "0.2.0"

__all__ = ["__version__"]
