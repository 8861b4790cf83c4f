"""Layers and networks that several families share."""
