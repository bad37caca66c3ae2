"""One scan: counts of size, slopes and their errors, the exponent with its interval."""
