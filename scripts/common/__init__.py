"""What several scripts share: the clock (timing.py), and the demo's server with a browser before it (browsing.py)."""
