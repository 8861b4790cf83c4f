"""What bench.py measures: the library (library.py), its training against Keras (race.py), and the demo (demo.py)."""
