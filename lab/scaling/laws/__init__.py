"""One table: laws of one, two and three variables, their fits and the errors of these."""
