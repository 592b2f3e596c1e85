"""`python -m cleanenv`."""

from __future__ import annotations

from cleanenv.cli.main import main

if __name__ == "__main__":
    main()
