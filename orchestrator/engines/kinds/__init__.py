"""A module for each engine, with `ENGINE` in it. The spec's list of engines is the list of these modules."""
