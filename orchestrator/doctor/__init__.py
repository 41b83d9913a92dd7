"""A bundle about a workshop that can be sent to somebody: what it holds, and how secrets and people are kept out."""
