"""A recurrent network learns to write, one character after the other.

    python examples/char_lstm.py
    python examples/char_lstm.py --epochs 8 --units 256 --plot char_lstm.png

The network reads a text from left to right and guesses at each place which character comes next. What it knows of the text so
far is the state of an LSTM:

    h_t = LSTM(h_{t-1}, embedding of character t)          p_t = softmax(h_t W + b), a probability for each character

The loss is the mean of -log p_t[character t + 1]: in nats, so exp(loss) is among how many characters it wavers. Knowing nothing
would be log(65) = 4.2 for 65 characters, knowing how often each occurs 3.3. Text is written by drawing a character from p_t and
reading it as the next one; below temperature 1 the likelier ones are drawn more often than they are likely.

The text is Shakespeare (tinyshakespeare/input.txt in the folder MINIDL_DATA) or, where that is not there, what minidl says of
itself: all the words in its source. The last tenth is held back for the validation.
"""

import argparse
import ast
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

import minidl
from minidl import backend
from minidl.datasets import tiny_shakespeare
from minidl.errors import DatasetError
from minidl.layers import LSTM, Dense, Embedding, Input
from minidl.models import Sequential
from minidl.optimizers import Adam
from minidl.schedules import OneCycle
from minidl.utils import sample_ids

STEPS = 64  # characters of a sample


def read_text():
    """A text and where it is from."""
    with suppress(DatasetError):
        return tiny_shakespeare.load_data(), "Shakespeare"
    words = []
    for source in sorted(Path(minidl.__file__).parent.rglob("*.py")):
        tree = ast.parse(source.read_text(encoding="utf-8"))
        nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))]
        words += [text for node in nodes if (text := ast.get_docstring(node))]
    return "\n\n".join(words), "what minidl says of itself (MINIDL_DATA names no folder with tinyshakespeare/input.txt)"


def windows(ids, offset=0):
    """Samples of STEPS characters one behind the other, and the characters that follow each of theirs: (n, STEPS) both."""
    n = (len(ids) - offset - 1) // STEPS
    cut = ids[offset : offset + n * STEPS + 1]
    return cut[:-1].reshape(n, STEPS), cut[1:].reshape(n, STEPS)


def build(characters, units, steps_in_all):
    model = Sequential(
        [
            Input((None,), dtype="int32"),  # a text of any length
            Embedding(characters, 64),
            LSTM(units, return_sequences=True),
            Dense(characters, activation="softmax"),
        ]
    )
    model.compile(Adam(OneCycle(0.01, steps_in_all), global_clipnorm=1.0), "sparse_categorical_crossentropy")
    return model


def write(model, alphabet, start, length, temperature, seed):
    """``length`` characters that the model thinks of behind ``start``."""
    ids = [alphabet.index(c) for c in start if c in alphabet]
    for step in range(length):
        p = model.predict(np.array([ids[-STEPS:]]))[0, -1]
        ids.append(int(sample_ids(p, temperature, seed=seed, step=step)))
    return "".join(alphabet[i] for i in ids)


def plot(path, history):
    """The losses of every epoch."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.4), layout="constrained")
    epochs = range(1, len(history["loss"]) + 1)
    axes.plot(epochs, history["loss"], "o-", label="training, mean over the epoch")
    axes.plot(epochs, history["val_loss"], "o-", label="validation, behind the epoch")
    axes.set(title="Which character comes next", xlabel="epoch", ylabel="nats per character")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    print(f"Plot: {path}")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=3, help="passes over the text; default: 3")
    parser.add_argument("--units", type=int, default=128, help="numbers in the state of the LSTM; default: 128")
    parser.add_argument("--temperature", type=float, default=0.7, help="of the text that is written; default: 0.7")
    parser.add_argument("--length", type=int, default=500, help="characters to write; default: 500")
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--plot", metavar="FILE", help="draw the losses, for example char_lstm.png")
    parser.add_argument("--quick", action="store_true", help="a part of the text and a small network: a few seconds")
    args = parser.parse_args(argv)
    try:
        minidl.set_seed(args.seed)
        if args.plot:
            import matplotlib  # noqa: F401  (to know it now, not after the training)
    except ImportError:
        parser.error('--plot needs matplotlib: pip install "minidl[plot]"')
    except ValueError as error:
        parser.error(str(error))
    if min(args.epochs, args.units, args.length) < 1 or args.temperature <= 0:
        parser.error("--epochs, --units and --length are at least 1, and --temperature is above 0")

    text, source = read_text()
    text = text[:120_000] if args.quick else text
    epochs, units, length = (2, 64, 200) if args.quick else (args.epochs, args.units, args.length)
    alphabet = sorted(set(text))
    ids = np.array([alphabet.index(c) for c in text])
    train, held_back = np.split(ids, [len(ids) * 9 // 10])
    print(f"Text: {source}; {len(text):,} characters, {len(alphabet)} different ones")
    print(f"Device: {backend.current().device}")

    batch_size, rng = 32, np.random.default_rng(args.seed)
    model = build(len(alphabet), units, epochs * -(-((len(train) - 1) // STEPS) // batch_size))
    history = {"loss": [], "val_loss": []}
    for epoch in range(epochs):
        start, (x, y) = time.perf_counter(), windows(train, offset=int(rng.integers(STEPS)))  # cut at other places each time
        ran = model.fit(x, y, batch_size, epoch + 1, 0, initial_epoch=epoch, validation_data=windows(held_back))
        for name, values in history.items():
            values.append(ran.history[name][0])
        seconds, line = time.perf_counter() - start, write(model, alphabet, "\n", 60, args.temperature, args.seed)
        print(f"epoch {epoch + 1}: loss {history['loss'][-1]:.3f}, validation {history['val_loss'][-1]:.3f}, {seconds:.1f} s")
        print(f"    {line!r}")
    print(f"\nValidation loss: {history['val_loss'][-1]:.3f} nats per character\n")
    print(write(model, alphabet, "\n", length, args.temperature, args.seed).strip())
    if args.plot:
        plot(args.plot, history)


if __name__ == "__main__":
    main()
