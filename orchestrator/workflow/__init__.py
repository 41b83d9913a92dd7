"""What the program does, as ordered steps: each file is one verb."""
