"""workshop.yaml as typed values: one class per section, every problem with its file, line and column."""
