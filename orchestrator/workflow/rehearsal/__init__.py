"""Who comes to a rehearsal, and how much they ask."""
