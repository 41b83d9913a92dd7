"""Open WebUI: its environment, and all that its admin API is asked to hold."""
