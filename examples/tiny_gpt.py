"""A small GPT: it reads characters, guesses the next one, and writes by going on from its own guesses.

    python examples/tiny_gpt.py
    python examples/tiny_gpt.py --quick                       a few seconds
    python examples/tiny_gpt.py --steps 10000 --write 2000    what patience brings

The text is that of char_lstm.py: Shakespeare (tinyshakespeare/input.txt in the folder MINIDL_DATA), or else minidl's own words.

The network is that of the large ones (Radford et al. 2018, Brown et al. 2020), with little of everything:

    a vector for each character, and one for each place
    blocks of  x + attention(norm(x))  and  x + dense(gelu(dense(norm(x))))
    the probabilities of the next character, at every place of the text at once

Attention is causal: a place sees what stands before it. So one pass over 64 characters is 64 exercises, each with its
solution in the text. The validation loss is the mean of -log p(next character), in nats: guessing blindly among 65
characters has log 65 = 4.17, knowing how often each occurs 3.3.
"""

import argparse
import time

import numpy as np
from char_lstm import read_text

import minidl
from minidl import backend
from minidl.layers import Add, Dense, Embedding, Input, Layer, LayerNormalization, MultiHeadAttention
from minidl.models import Model
from minidl.optimizers import Adam
from minidl.schedules import CosineDecay

LENGTH = 64  # characters that it sees
WIDTH, HEADS, BLOCKS = 96, 4, 2
BATCH, STEPS, QUICK_STEPS = 32, 900, 150
RATE = 3e-3


class Positions(Layer):
    """y = x + P, a learned vector for each place: (batch, time, width) -> the same."""

    def build(self, input_shape):
        self.P = self.new_parameter("P", input_shape, "uniform")

    def apply(self, x, context):
        return x + self.P.value, None

    def gradient(self, dy, saved, need_dx=True):
        self.P.add_grad(dy.sum(axis=0))
        return dy


def build(characters, width=WIDTH, heads=HEADS, blocks=BLOCKS):
    """The network, from ids (batch, LENGTH) to probabilities (batch, LENGTH, characters)."""
    ids = Input((LENGTH,), dtype="int64")
    x = Positions()(Embedding(characters, width)(ids))
    for _ in range(blocks):
        h = LayerNormalization()(x)
        x = Add()([x, MultiHeadAttention(heads, width // heads, use_causal_mask=True)([h, h])])
        h = LayerNormalization()(x)
        x = Add()([x, Dense(width)(Dense(4 * width, activation="gelu")(h))])
    return Model(ids, Dense(characters, activation="softmax")(LayerNormalization()(x)))


# -- text --------------------------------------------------------------------------------------------------------------


def windows(ids, starts):
    """Pieces of the text, and the same moved on by one character: what is to be guessed."""
    pieces = ids[starts[:, np.newaxis] + np.arange(LENGTH + 1)]
    return pieces[:, :-1], pieces[:, 1:]


def write(model, text, alphabet, count, temperature, rng):
    """``text`` and ``count`` characters more, each drawn from what the model expects next; a temperature below 1 dares less."""
    place = {character: index for index, character in enumerate(alphabet)}
    ids = [place[character] for character in text]
    for _ in range(count):
        seen = ids[-LENGTH:]
        x = np.zeros((1, LENGTH), np.int64)  # what stands behind the text is not seen
        x[0, : len(seen)] = seen
        p = model.predict(x)[0, len(seen) - 1].astype(np.float64) ** (1 / temperature)
        ids.append(int(rng.choice(len(alphabet), p=p / p.sum())))
    return "".join(alphabet[index] for index in ids)


# -- the program -------------------------------------------------------------------------------------------------------


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return number


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=positive, help=f"of training, {BATCH} pieces of text each; default: {STEPS}")
    parser.add_argument("--write", type=positive, default=400, metavar="N", help="characters to write; default: 400")
    parser.add_argument("--temperature", type=float, default=0.8, help="how much is dared in writing; default: 0.8")
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_STEPS} steps of a smaller network: a few seconds")
    args = parser.parse_args(argv)
    if args.temperature <= 0:
        parser.error(f"--temperature {args.temperature:g} is not positive")
    try:
        minidl.set_seed(args.seed)
    except ValueError as error:
        parser.error(str(error))
    return args


def main(argv=None):
    args = arguments(argv)
    rng = np.random.default_rng(args.seed)
    text, source = read_text()
    alphabet = sorted(set(text))
    ids = np.searchsorted(alphabet, list(text))
    cut = len(ids) * 9 // 10
    print(f"Text: {source}\n{cut} characters to train on, {len(ids) - cut} to validate, {len(alphabet)} different ones")
    print(f"Device: {backend.current().device}")

    steps = args.steps or (QUICK_STEPS if args.quick else STEPS)
    model = build(len(alphabet), *((32, 2, 1) if args.quick else ()))
    print(f"Parameters: {model.count_params():,}")
    model.compile(Adam(CosineDecay(RATE / 10, steps, alpha=0.1, warmup_target=RATE, warmup_steps=steps // 20)),
                  "sparse_categorical_crossentropy")  # fmt: skip
    x, y = windows(ids, rng.integers(0, cut - LENGTH, steps * BATCH))
    held_back = windows(ids, np.arange(cut, len(ids) - LENGTH, LENGTH)[:200])
    print(f"Before training: {model.evaluate(*held_back, verbose=0):.3f} nats per character")
    start = time.perf_counter()
    model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0 if args.quick else 1)
    seconds = time.perf_counter() - start

    loss = model.evaluate(*held_back, verbose=0)
    print(f"Validation loss: {loss:.3f} nats per character, after {steps} steps in {seconds:.1f} s")
    print("\nWhat it writes\n")
    print(write(model, "\n", alphabet, min(args.write, 150) if args.quick else args.write, args.temperature, rng).strip())


if __name__ == "__main__":
    main()
