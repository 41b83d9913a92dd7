"""The whole class at once, before it comes: how many people the workshop serves, and what limits it."""
