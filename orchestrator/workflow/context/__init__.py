"""What commands begin with: the workshop opened, its hosts reached, and what one run learns on its way."""
