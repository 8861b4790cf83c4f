"""What the report has: its experiments, the rows of its tables, its figures by number, and its own numbers.

The report's losses stand in the cards of the models, as `info(name)["reported"]`. Here is only what no card holds.
"""

from dataclasses import dataclass

# The report's names of its experiments, in its order: the rows of its tables 1, 2 and 3.
NOISES = ("gan_dist_normal", "gan_dist_uniform", "gan_dist_poisson")
GANS = ("gan_dim_8", "gan_dim_16", "gan_dim_32", *NOISES)
AUTOENCODERS = ("ae_16", "ae_64", "ae_128")
VAES = ("vae_2", "vae_64")
PLANE = "ae_2"  # the autoencoder of two numbers, which the report shows as latent matrices only
EXPERIMENTS = (*GANS, PLANE, *AUTOENCODERS, *VAES)

# The report's numbers that are not in the cards.
FAILED = {"gan_dist_uniform", "gan_dist_poisson"}  # never converged
TRAINING_MSE = {"ae_16": 0.0174, "ae_64": 0.0088, "ae_128": 0.0056}
ENCODED_MEAN, ENCODED_STD = (5.66, 18.77), (4.57, 13.37)  # of the test set, encoded by its autoencoder of two numbers
TUTORIAL_EPOCHS = 10  # of the tutorial that its autoencoders follow: tensorflow.org/tutorials/generative/autoencoder

GENERATED, RECONSTRUCTED, NOISE, MATRIX = "generated", "reconstructed", "noise", "matrix"
TRAIN, TEST = "train", "test"
UNIT, DEVIATIONS = "unit", "deviations"  # [-1, 1] squared; mean ± 2 standard deviations of the encoded test set


@dataclass(frozen=True)
class Figure:
    """One of the report's figures: what it shows of which experiments."""

    number: int
    kind: str  # GENERATED, RECONSTRUCTED, NOISE or MATRIX
    of: tuple[str, ...]  # the report's names
    split: str = ""  # whose images are reconstructed: TRAIN or TEST
    area: str = ""  # that a latent matrix covers: UNIT or DEVIATIONS

    @property
    def file(self) -> str:
        """The name of its picture."""
        return f"figure_{self.number:02}.png"


FIGURES = (
    Figure(2, GENERATED, GANS),
    Figure(3, RECONSTRUCTED, ("ae_16",), TRAIN),
    Figure(4, RECONSTRUCTED, ("ae_64",), TRAIN),
    Figure(5, RECONSTRUCTED, ("ae_128",), TRAIN),
    Figure(6, RECONSTRUCTED, ("ae_64",), TEST),
    Figure(7, RECONSTRUCTED, ("ae_16",), TEST),
    Figure(8, RECONSTRUCTED, ("ae_128",), TEST),
    Figure(9, NOISE, ("ae_64",)),
    Figure(10, NOISE, ("ae_16",)),
    Figure(11, NOISE, ("ae_128",)),
    Figure(12, RECONSTRUCTED, ("vae_2",), TRAIN),
    Figure(13, RECONSTRUCTED, ("vae_64",), TRAIN),
    Figure(14, RECONSTRUCTED, ("vae_2",), TEST),
    Figure(15, RECONSTRUCTED, ("vae_64",), TEST),
    Figure(16, NOISE, ("vae_2",)),
    Figure(17, NOISE, ("vae_64",)),
    Figure(18, MATRIX, ("vae_2",), area=UNIT),
    Figure(19, MATRIX, (PLANE,), area=UNIT),
    Figure(20, MATRIX, (PLANE,), area=DEVIATIONS),
)
