"""Planted faults in what prepares data: augmentation, windows, text, sequences."""

from __future__ import annotations

from tests.cases.mutant import mutant, naive

AUGMENTATION, MAPS = "tests/data/test_augmentation.py::", "tests/data/test_augmentation.py::test_each_map_of_a_small_image"

mutant(
    "interpolation without its second weight", "ops/resample.py", naive("resample.warp"), "above + p * below", "above + below"
)
mutant(
    "a mirror at the last pixel's middle", "ops/resample.py", naive("resample.warp"), "2 * n - 1 - index", "2 * n - 2 - index"
)
mutant(
    "the nearest pixel cut down instead of rounded",
    "ops/resample.py",
    naive("resample.warp"),
    "xp.floor(r + 0.5)",
    "xp.floor(r)",
)
mutant(
    "random words of a row's neighbour",
    "ops/addressed.py",
    naive("addressed.words_at"),
    "(step, call, use)",
    "(step, call + 1, use)",
)
mutant(
    "shear and zoom exchanged",
    "data/affine.py",
    AUGMENTATION + "test_the_maps_are_put_together_in_keras_s_order",
    "sheared @ zoomed",
    "zoomed @ sheared",
)
mutant("turned about a corner", "data/affine.py", MAPS, "sign * (height - 1) / 2", "sign * height / 2")
mutant(
    "an epoch that plays no part",
    "data/augmentation.py",
    AUGMENTATION + "test_an_image_depends_on_seed_epoch_and_index_alone",
    "np.full(len(indices), epoch, np.uint64)",
    "np.full(len(indices), 0, np.uint64)",
)
mutant(
    "displacements that grow with their smoothness",
    "data/augmentation.py",
    AUGMENTATION + "test_displacements_have_their_deviation_and_are_smooth",
    "return curves / np.sqrt((curves**2).sum(axis=1, keepdims=True))",
    "return curves",
)
mutant(
    "whitening by the variance",
    "data/standardize.py",
    AUGMENTATION + "test_zca_removes_correlations_and_is_symmetric",
    "1 / np.sqrt(np.maximum(spectrum, 0) + self.epsilon)",
    "1 / (np.maximum(spectrum, 0) + self.epsilon)",
)
mutant(
    "a repeated row changed as before",
    "data/dataset.py",
    AUGMENTATION + "test_each_iteration_is_another_epoch_and_a_repeated_row_is_changed_anew",
    "seen[index] += 1",
    "seen[index] += 0",
)
mutant(
    "a mirrored border in the kernel",
    "kernels/numba/resample.py",
    "tests/ops/test_kernels.py::test_read_only_arrays_give_the_same[resample.warp]",
    "2 * n - 1 - index",
    "2 * n - 2 - index",
)

WINDOWS = "tests/data/test_windows.py::"

mutant(
    "windows one pixel off",
    "data/windows.py",
    WINDOWS + "test_windows_of_every_pixel",
    "before, after = self.window // 2, self.window - 1 - self.window // 2",
    "after, before = self.window // 2, self.window - 1 - self.window // 2",
)
mutant(
    "a corner of the window measured",
    "data/windows.py",
    WINDOWS + "test_standardisation_by_the_training_pixels_alone",
    'middle = 0 if self.border == "drop" else self.window // 2',
    "middle = 0",
)
mutant(
    "excluded labels kept",
    "data/windows.py",
    WINDOWS + "test_classes_and_excluded_labels",
    "wanted & ~np.isin(labels, excluded)",
    "wanted | np.isin(labels, excluded)",
)
mutant(
    "a split that follows the order of the pixels",
    "data/windows.py",
    WINDOWS + "test_a_split_belongs_to_its_seed",
    ".permutation(members)[:wanted]",
    ".permutation(members[:1]).repeat(wanted) * 0 + members[:wanted]",
)

SEQUENCES, TEXT = "tests/data/test_sequences.py::", "tests/data/test_text.py::"

mutant(
    "the end of a sequence cut instead of its beginning",
    "data/sequences.py",
    SEQUENCES + "test_padding",
    "row[max(len(row) - length, 0) :]",
    "row[:length]",
)
mutant("targets one step late", "data/sequences.py", SEQUENCES + "test_windows_and_what_comes_next",
       "windows[:-1:step], windows[1::step]", "windows[:-1:step], windows[:-1:step]")  # fmt: skip
mutant(
    "pairs across the end of the text",
    "data/sequences.py",
    SEQUENCES + "test_pairs_of_neighbours",
    "inside = (near >= 0) & (near < len(words))",
    "inside = near < len(words)",
)
mutant(
    "a rare word taken for a known one",
    "data/text.py",
    TEXT + "test_unknown_words_and_rare_ones",
    "index < limit else unknown for index",
    "index <= limit else unknown for index",
)
mutant("idf without its one", "data/text.py", TEXT + "test_matrices", "(1 + in_texts)", "np.maximum(in_texts, 1)")

mutant(
    "planes taken for pixels",
    "datasets/cifar.py",
    "tests/datasets/test_cifar.py::test_every_place",
    "reshape(-1, 3, 32, 32)",
    "reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)",
)
mutant(
    "an archive of any length",
    "datasets/cifar.py",
    "tests/datasets/test_cifar.py::test_hostile_archives",
    "if done > limit:",
    "if done > 1e99:",
)
mutant(
    "numbers of MATLAB row by row",
    "datasets/mat.py",
    "tests/datasets/test_mat.py::test_every_type",
    'flat.reshape(shape, order="F")',
    "flat.reshape(shape)",
)
mutant(
    "digits and letters on their side",
    "datasets/emnist.py",
    "tests/datasets/test_sets.py::test_emnist_in_files_and_in_its_archive",
    "x.swapaxes(1, 2)",
    "x",
)
