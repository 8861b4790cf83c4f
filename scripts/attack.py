"""Attack the demo, as somebody on the internet would, and say what held.

    python scripts/attack.py
    python scripts/attack.py --only uploads hosts --scale 0.1

The demo runs in a process of its own. Each file of attacks/ is one attack. Printed is a table: how many requests were
tried, refused, answered, and failed (a server error, no answer, a leak, an effect that must not be), with the server's
memory before and after. The exit code is 1 if any failed, or if more than 150 MB did not come back.
"""

import argparse
import sys


def main() -> None:
    from attacks import NAMES, run

    parser = argparse.ArgumentParser(description="Attack the demo, and say what held.")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--scale", type=float, default=1, help="of the number of requests (default: %(default)g)")
    options = parser.parse_args()
    try:
        held = run(options.only, options.scale)
    except (OSError, RuntimeError) as error:
        sys.exit(f"attack.py: {error}")
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
