"""One table: laws of one and two variables, their fits and the errors of these."""
