"""What a model is: its config, recipe and card, the calls that every model answers, and its latent space."""
