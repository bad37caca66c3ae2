"""What is learned: manifolds, covariances, teachers, data that somebody brings; keys and sets."""
