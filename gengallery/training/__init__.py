"""Training: the loop, its states, and what it costs."""
