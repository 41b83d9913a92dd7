"""A running workshop handed from one laptop to another."""
