"""Weights: fetched once, copied from host to host."""
