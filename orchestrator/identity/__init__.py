"""Who may ask something of a workshop, and with what: from its secret, its spec and its people. Pure."""
