"""How the shipped policies are made, and their weights."""
