"""``python -m sparseattack.cli``."""

from .main import main

main()
