"""One command a file: parse, call one workflow, print."""
