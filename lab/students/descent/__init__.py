"""Students that descend: networks, their optimisers, the loop that trains them."""
