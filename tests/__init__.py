"""Makes `tests` this folder's, whatever a dependency installed under that name; the folders in it need no such file."""
