"""Images: chosen, had from wherever that is easiest, saved into one file and loaded from it."""
