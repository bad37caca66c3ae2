"""The tables that regimes share; those of students are in `lab.students`."""
