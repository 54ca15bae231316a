"""`python -m sd_core.cli`."""

from . import main

main()
