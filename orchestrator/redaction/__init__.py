"""Takes secrets and people out of text that others will read. Pure."""
