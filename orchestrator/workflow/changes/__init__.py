"""What a plan tells of: found out by looking, on the hosts and in Open WebUI."""
