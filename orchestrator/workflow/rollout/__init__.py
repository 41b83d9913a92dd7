"""The steps that bring a host from what it is to what it should be, and those that take all of it away."""
