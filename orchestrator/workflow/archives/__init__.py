"""What an archive is made of: parts that are each had or named as missing, and the file that holds them."""
