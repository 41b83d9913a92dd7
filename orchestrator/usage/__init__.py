"""What was asked and what it cost: the gateway's log, collected line by line and added up."""
