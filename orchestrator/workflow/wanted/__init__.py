"""What should be there, worked out from the spec in memory, before any host is asked to change."""
