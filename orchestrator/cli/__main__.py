"""`python -m orchestrator.cli` is `workshop`."""

from orchestrator.cli import main

main()
