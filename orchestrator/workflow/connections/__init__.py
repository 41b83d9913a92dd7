"""Open WebUI's own connections, before the class and while it runs."""
