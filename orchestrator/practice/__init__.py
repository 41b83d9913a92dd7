"""Synthetic models: random weights that real engines load in a moment, without a download or a GPU."""
