"""Students that are solved: kernels, random features, least squares, neighbours, simplices."""
