"""Proof: what a participant would ask, what must fail, and whether an engine answers."""
