"""Two LSTMs translate: one reads a date as people write it, the other writes it as 1997-03-14.

    python examples/seq2seq.py
    python examples/seq2seq.py --beam 3 --date "the 14th of March 1997"

The encoder reads the text and keeps nothing of it but its last state. The decoder begins with this state, is told the character
before and says which one comes next:

    (h, c) = encoder(text)            p_1 = decoder(start, h, c)      p_2 = decoder(first character, its own state)    ...

In training it is told the right character before each one (teacher forcing), so that all places are learned at once. To
translate, it is told what it wrote itself: greedily the likeliest character each time, or by beam search, which keeps the best
few beginnings and compares whole translations by the sum of their log-probabilities.

Source: Sutskever et al. 2014; Ghent 6 (sequence models from two LSTMs).
"""

import argparse
import time
from datetime import date, timedelta

import numpy as np

import minidl
from minidl import backend
from minidl.layers import LSTM, Dense, Embedding, Input
from minidl.models import Model
from minidl.optimizers import Adam

MONTHS = [f"{date(2000, month, 1):%B}" for month in range(1, 13)]
DAYS = [f"{date(2001, 1, day):%A}" for day in range(1, 8)]  # which began with a Monday
ENDINGS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
FORMS = [
    "{d} {month} {y}",
    "{month} {d}, {y}",
    "{d}. {short} {y}",
    "{day}, {month} {d} {y}",
    "the {d}{th} of {month} {y}",
    "{short} {d} {y}",
    "{d}.{m}.{y}",
    "{d:02}/{short}/{y}",
    "{y} {month} {d}",
]
WRITTEN = "0123456789-"  # characters of a translation; 0 of the ids is "start"


def as_written(day, form):
    """A date as people write it."""
    th, month = ENDINGS.get(day.day, "th"), MONTHS[day.month - 1]
    return form.format(d=day.day, m=day.month, y=day.year, th=th, month=month, short=month[:3], day=DAYS[day.weekday()])


def pairs(n, rng):
    """Dates as people write them, and in order: lists of n texts."""
    days = [date(1950, 1, 1) + timedelta(int(k)) for k in rng.integers(0, 100 * 365, n)]
    return [as_written(day, FORMS[k]) for day, k in zip(days, rng.integers(0, len(FORMS), n))], [f"{day}" for day in days]


def ids_of(texts, alphabet, length):
    """Ids (n, length), with 0 for what is missing at the end. Raises ValueError for a character that nobody has seen."""
    ids = np.zeros((len(texts), length), int)
    for row, text in zip(ids, texts):
        row[: len(text)] = [alphabet.index(c) + 1 for c in text]
    return ids


def build(read, written, units):
    """The network that is trained, the encoder, and one step of the decoder: three models of the same layers."""
    text = Input((None,), name="text", dtype="int32")
    before = Input((None,), name="before", dtype="int32")
    h, c = Input((units,), name="h"), Input((units,), name="c")
    embed, decoder = Embedding(written + 1, 16), LSTM(units, return_sequences=True, return_state=True, name="decoder")
    choose = Dense(written, activation="softmax", name="choose")

    _, *state = LSTM(units, return_state=True, name="encoder")(Embedding(read + 1, 16, mask_zero=True)(text))
    y, _, _ = decoder(embed(before), initial_state=state)
    trained = Model([text, before], choose(y))
    y, *after = decoder(embed(before), initial_state=[h, c])
    return trained, Model(text, state), Model([before, h, c], [choose(y), *after])


def translate(texts, encoder, step, alphabet, length, beam=1):
    """The likeliest translations that the search finds: greedy for beam=1."""
    found = []
    for ids in ids_of(texts, alphabet, length):
        h, c = encoder.predict(ids[None])
        beams = [(0.0, [], h, c)]  # log-probability, ids so far, state
        for _ in range(10):
            last = np.array([[ids_[-1] + 1 if ids_ else 0] for _, ids_, _, _ in beams])
            p, hs, cs = step.predict([last, *(np.concatenate([b[k] for b in beams]) for k in (2, 3))])
            scores = np.array([b[0] for b in beams])[:, None] + np.log(np.maximum(p[:, -1], 1e-12))
            best = np.argsort(-scores, axis=None)[:beam]
            rows, chosen = np.unravel_index(best, scores.shape)
            beams = [(scores[r, k], [*beams[r][1], int(k)], hs[r : r + 1], cs[r : r + 1]) for r, k in zip(rows, chosen)]
        found.append("".join(WRITTEN[k] for k in beams[0][1]))
    return found


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=12, help="passes over the pairs; default: 12")
    parser.add_argument("--units", type=int, default=96, help="numbers in the state of each LSTM; default: 96")
    parser.add_argument("--beam", type=int, default=1, help="beginnings that are kept; default: 1, the likeliest each time")
    parser.add_argument("--date", metavar="TEXT", help="a date of your own to translate at the end")
    parser.add_argument("--seed", type=int, default=1671, help="of all random numbers; default: 1671")
    parser.add_argument("--quick", action="store_true", help="fewer pairs and epochs: a few seconds")
    args = parser.parse_args(argv)
    try:
        minidl.set_seed(args.seed)
    except ValueError as error:
        parser.error(str(error))
    if min(args.epochs, args.units, args.beam) < 1:
        parser.error("--epochs, --units and --beam are at least 1")

    rng = np.random.default_rng(args.seed)
    texts, answers = pairs(4000 if args.quick else 20000, rng)
    alphabet = sorted(set("".join(texts)) | set(args.date or ""))
    length = max(map(len, [*texts, args.date or ""]))
    x, y = ids_of(texts, alphabet, length), ids_of(answers, WRITTEN, 10)
    before = np.concatenate([np.zeros((len(y), 1), int), y[:, :-1]], axis=1)  # 0 is the start
    trained, encoder, step = build(len(alphabet), len(WRITTEN), 48 if args.quick else args.units)
    trained.compile(Adam(0.005), "sparse_categorical_crossentropy", ["accuracy"])
    print(f"Data: {len(texts)} dates, such as {texts[0]!r} for {answers[0]}")
    print(f"Device: {backend.current().device}; {trained.count_params():,} parameters")

    start, epochs = time.perf_counter(), 6 if args.quick else args.epochs
    history = trained.fit([x, before], y - 1, 64, epochs, 0, validation_split=0.1).history
    print(f"Trained for {epochs} epochs in {time.perf_counter() - start:.1f} s")
    print(f"Characters right, on dates held back: {100 * history['val_accuracy'][-1]:.2f} %")
    new_texts, new_answers = pairs(50 if args.quick else 300, rng)
    found = translate(new_texts, encoder, step, alphabet, length, args.beam)
    whole = np.mean([a == b for a, b in zip(found, new_answers)])
    print(f"Whole dates right, translated from new texts: {100 * whole:.1f} %\n")
    for text, answer, right in list(zip(new_texts, found, new_answers))[:8]:
        print(f"    {text:<34} {answer}{'' if answer == right else f'   (wrong: {right})'}")
    if args.date:
        print(f"\n    {args.date:<34} {translate([args.date], encoder, step, alphabet, length, args.beam)[0]}")


if __name__ == "__main__":
    main()
