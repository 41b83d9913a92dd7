"""What a workshop remembers between two commands: its secret, its people, what was deployed, and who is at work."""
