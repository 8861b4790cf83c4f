"""Learners: the losses, the optimizers and the auxiliary networks that train a model."""
