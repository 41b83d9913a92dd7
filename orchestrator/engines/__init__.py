"""The engines that serve models: what the program asks of each (engine.py), and a module for each (kinds/)."""
