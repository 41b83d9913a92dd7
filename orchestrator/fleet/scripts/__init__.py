"""What is asked of a host: each module runs there too, under its own Python 3.8 or newer, and imports nothing else."""
