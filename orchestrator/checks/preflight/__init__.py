"""Whether hosts are fit for a workshop: facts of each, judged one concern at a time. Pure."""
