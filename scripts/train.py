"""Train models of the gallery and write their files of weights: `gengallery train`, from a checkout.

python scripts/train.py vae_2
python scripts/train.py ae_16 ae_64 --seed 1 --out /tmp/weights
python scripts/train.py --all --resume
"""

import sys

from gengallery.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], prog="train.py", command="train"))
