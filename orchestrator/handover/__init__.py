"""A workshop in one encrypted file: what is in it, how it is locked and opened. docs/handover.md has the format."""
