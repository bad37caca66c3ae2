"""Tables that a user brings: formats, rows, conditions, and the fit of a law."""
