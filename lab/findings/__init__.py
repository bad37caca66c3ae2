"""From the store to what a study says: cells, exponents, evidence, premises."""
