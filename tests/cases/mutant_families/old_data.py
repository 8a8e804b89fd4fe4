"""Faults of the data, the files and the estimators of old scripts."""

from tests.cases.mutant import mutant

IMAGES = "tests/compat/test_preprocessing_image.py::"
TEXTS = "tests/compat/test_preprocessing_text.py::"
SETS = "tests/compat/test_datasets.py::"
PICKLES = "tests/datasets/test_plain_pickle.py::"
FILES = "tests/compat/test_utils_files.py::"
ESTIMATORS = "tests/compat/test_wrappers.py::"

mutant(
    "images turned about another middle",
    "compat/keras/preprocessing/maps.py",
    IMAGES + "test_functions_of_one_image",
    "float(x) / 2 + 0.5, float(y) / 2 + 0.5",
    "float(x) / 2 - 0.5, float(y) / 2 - 0.5",
)
mutant(
    "a shift before the rotation",
    "compat/keras/preprocessing/maps.py",
    IMAGES + "test_one_image_is_that_of_the_formulas",
    "turned @ moved @ sheared @ zoomed",
    "moved @ turned @ sheared @ zoomed",
)
mutant(
    "every batch drawn from one seed",
    "compat/keras/preprocessing/batches.py",
    IMAGES + "test_the_seed_counts_batches",
    "self.seed + self.total_batches_seen",
    "self.seed",
)
mutant(
    "texts counted with those of the fit before",
    "compat/keras/preprocessing/text.py",
    TEXTS + "test_a_second_fit_adds_words_and_counts_texts_anew",
    "self.document_count = 0\n        self.fit",
    "self.fit",
)
mutant(
    "a negative sample that is no word",
    "compat/keras/preprocessing/sequence.py",
    TEXTS + "test_skipgrams",
    "random.randint(1, vocabulary_size - 1)",
    "random.randint(0, vocabulary_size - 1)",
)
mutant(
    "labels in another order than their texts",
    "compat/keras/datasets/texts.py",
    SETS + "test_imdb_and_reuters_as_they_were",
    "for i in order.tolist()], labels[order]",
    "for i in order.tolist()], labels",
)
mutant(
    "one word too many",
    "compat/keras/datasets/texts.py",
    SETS + "test_imdb_and_reuters_as_they_were",
    "w if skip_top <= w < limit else oov_char",
    "w if skip_top <= w <= limit else oov_char",
)
mutant(
    "a list in two places of a pickle",
    "datasets/plain_pickle.py",
    PICKLES + "test_hostile_pickles_are_refused",
    '    raise _Broken(f"one {type(value).__name__} in two places|',
    '    return value\n    raise _Broken(f"one {type(value).__name__} in two places|',
)
mutant(
    "an archive that writes upwards",
    "compat/keras/utils/data_utils.py",
    FILES + "test_nothing_leaves_its_folder",
    'or ".." in parts or',
    "or",
)
mutant(
    "the probability of the other class",
    "compat/keras/wrappers/scikit_learn.py",
    ESTIMATORS + "test_two_classes",
    "np.hstack([1 - found, found])",
    "np.hstack([found, 1 - found])",
)
