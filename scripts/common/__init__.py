"""What several scripts share: the clock (timing.py), the gallery's cards and data (library.py), and
the demo's server with a browser before it (browsing.py)."""

from gengallery.threads import wait_passively

wait_passively()  # here, since torch is imported later
