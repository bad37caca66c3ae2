"""Exponents over dimensions: lines with errors in one variable or both."""
