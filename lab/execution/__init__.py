"""Running a study: what is left, what it costs, where rows are kept, who trains."""
