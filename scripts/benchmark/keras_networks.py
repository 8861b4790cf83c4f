"""The report's networks in Keras, trained on a clock: the other side of the races in race.py.

    python scripts/benchmark/keras_networks.py IMAGES {ae_64,vae_2,gan_dist_normal} --epochs N [--target T] [--limit S]

Needs Keras with TensorFlow, in an environment of its own, and nothing of this project. IMAGES is an .npz file
with `train` and `test`, each (n, height, width) uint8. The networks, optimizers and batches are those of the two
tutorials and the training that the report describes (tensorflow.org/tutorials/generative/autoencoder,
keras.io/examples/generative/vae). After each epoch a line of JSON: the seconds that its training took, and the loss of
the test set (null for the GAN, which has none that says anything). Ends at the epoch that reaches T, or after S seconds
of training.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops


class EpochTimer(keras.callbacks.Callback):
    """Times each epoch, prints its line, and ends the training at the target or the limit."""

    def __init__(self, test, target, limit):
        super().__init__()
        self.test, self.target, self.limit = test, target, limit  # test: what `evaluate` takes, or None
        self.total = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self.start
        self.total += seconds
        loss = None
        if self.test is not None:
            loss = self.model.evaluate(*self.test, batch_size=500, verbose=0, return_dict=True)["loss"]
        print(json.dumps({"epoch": epoch + 1, "seconds": round(seconds, 3), "test": loss}), flush=True)
        reached = self.target is not None and loss is not None and loss <= self.target
        self.model.stop_training = reached or self.total >= self.limit


class Vae(keras.Model):
    """Convolutions in, transposed convolutions out; the negative ELBO of one draw, in nats."""

    def __init__(self, latent, height, width):
        super().__init__()
        small = height // 4, width // 4
        same = {"strides": 2, "padding": "same", "activation": "relu"}
        image = keras.Input((height, width, 1))
        hidden = layers.Flatten()(layers.Conv2D(64, 3, **same)(layers.Conv2D(32, 3, **same)(image)))
        hidden = layers.Dense(16, activation="relu")(hidden)
        self.posterior = keras.Model(image, [layers.Dense(latent)(hidden), layers.Dense(latent)(hidden)])
        z = keras.Input((latent,))
        grown = layers.Reshape((*small, 64))(layers.Dense(small[0] * small[1] * 64, activation="relu")(z))
        grown = layers.Conv2DTranspose(32, 3, **same)(layers.Conv2DTranspose(64, 3, **same)(grown))
        self.likelihood = keras.Model(z, layers.Conv2DTranspose(1, 3, padding="same", activation="sigmoid")(grown))
        self.mean_loss = keras.metrics.Mean(name="loss")

    def negative_elbo(self, images):
        mean, log_variance = self.posterior(images)
        z = mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean))
        reconstruction = ops.sum(keras.losses.binary_crossentropy(images, self.likelihood(z)), axis=(1, 2))
        kl = 0.5 * ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=1)
        return ops.mean(reconstruction + kl)

    def train_step(self, images):
        with tf.GradientTape() as tape:
            loss = self.negative_elbo(images)
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return self._record(loss)

    def test_step(self, images):
        return self._record(self.negative_elbo(images))

    def _record(self, loss):
        self.mean_loss.update_state(loss)
        return {"loss": self.mean_loss.result()}


class Gan(keras.Model):
    """Two dense networks with one hidden layer each, and normal noise."""

    def __init__(self, latent, pixels):
        super().__init__()
        self.latent = latent
        hidden = {"units": 256, "activation": "relu"}
        self.generator = keras.Sequential(
            [keras.Input((latent,)), layers.Dense(**hidden), layers.Dense(pixels, activation="sigmoid")]
        )
        self.discriminator = keras.Sequential([keras.Input((pixels,)), layers.Dense(**hidden), layers.Dense(1)])
        self.optimizers = [keras.optimizers.Adam(3e-4), keras.optimizers.Adam(3e-4)]
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        self.mean_loss = keras.metrics.Mean(name="loss")

    def train_step(self, images):
        n = tf.shape(images)[0]
        with tf.GradientTape() as tape:
            real = self.discriminator(images)
            fake = self.discriminator(self.generator(tf.random.normal((n, self.latent))))
            loss = 0.5 * (self.cross_entropy(tf.ones_like(real), real) + self.cross_entropy(tf.zeros_like(fake), fake))
        self._descend(tape, loss, self.discriminator, self.optimizers[0])
        with tf.GradientTape() as tape:
            fake = self.discriminator(self.generator(tf.random.normal((n, self.latent))))
            loss = self.cross_entropy(tf.ones_like(fake), fake)
        self._descend(tape, loss, self.generator, self.optimizers[1])
        self.mean_loss.update_state(loss)
        return {"loss": self.mean_loss.result()}

    def _descend(self, tape, loss, network, optimizer):
        weights = network.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description="Train one of the report's networks in Keras, on a clock.")
    parser.add_argument("images", type=Path)
    parser.add_argument("network", choices=("ae_64", "vae_2", "gan_dist_normal"))
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--target", type=float, help="loss of the test set to stop at")
    parser.add_argument("--limit", type=float, default=float("inf"), help="seconds of training to stop after")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    keras.utils.set_random_seed(0)
    with np.load(options.images, allow_pickle=False) as images:
        train, test = (images[split].astype("float32") / 255 for split in ("train", "test"))
    height, width = train.shape[1:]
    pixels = height * width

    trained_on: tuple[np.ndarray, ...]
    tested_on: tuple[np.ndarray, ...] | None = None
    if options.network == "ae_64":
        model = keras.Sequential(
            [
                keras.Input((height, width)),
                layers.Flatten(),
                layers.Dense(64, activation="relu"),
                layers.Dense(pixels, activation="sigmoid"),
                layers.Reshape((height, width)),
            ]
        )
        model.compile(optimizer="adam", loss="mse")
        trained_on, batch = (train, train), 32  # Keras' default, which the tutorial leaves
        tested_on = (test, test)
    elif options.network == "vae_2":
        model = Vae(2, height, width)
        model.compile(optimizer=keras.optimizers.Adam())
        trained_on, batch = (train[..., None],), 128
        tested_on = (test[..., None],)
    else:
        model = Gan(16, pixels)
        model.compile()
        trained_on, batch = (train.reshape(-1, pixels),), 128
    timer = EpochTimer(tested_on, options.target, options.limit)
    model.fit(*trained_on, epochs=options.epochs, batch_size=batch, verbose=0, callbacks=[timer])


if __name__ == "__main__":
    main()
