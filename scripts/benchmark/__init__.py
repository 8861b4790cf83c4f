"""What bench.py measures: the library (library.py), its training against Keras (race.py), the demo (demo.py), and
the library beside busy processes (busy.py)."""
