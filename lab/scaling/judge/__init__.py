"""Judgement of an exponent: doubts, verdicts, and how often these are wrong."""
