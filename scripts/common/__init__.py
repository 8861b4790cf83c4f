"""What several scripts share: the clock (timing.py), the gallery's cards and data (library.py), and
the demo's server with a browser before it (browsing.py)."""
