"""Parts of networks that several families share."""
