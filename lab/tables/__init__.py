"""The tables that regimes share; students, teachers and manifolds are in `lab.kinds`."""
