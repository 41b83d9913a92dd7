"""Participants: their keys, accounts and cards, before the class and while it runs."""
