"""How models learn: what training needs beside the network."""
