"""What was said and made in a class, in one file that can be read without this program."""
