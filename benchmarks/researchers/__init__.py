"""A thousand simulated researchers: what the overfitting statistics say where there is nothing, and where there is."""
