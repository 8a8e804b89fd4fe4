"""The defaults of what prepares data, written down a second time: a changed one is seen here."""

import inspect

import pytest

from minidl import data, datasets
from minidl.data.text import FILTERS

AUGMENTATION = {
    "rotation": 0.0,
    "width_shift": 0.0,
    "height_shift": 0.0,
    "shear": 0.0,
    "zoom": 0.0,
    "horizontal_flip": False,
    "vertical_flip": False,
    "elastic": 0.0,
    "elastic_smoothness": 4.0,
    "channel_shift": 0.0,
    "brightness": None,
    "noise": 0.0,
    "cutout": 0.0,
    "fill_mode": "nearest",
    "fill_value": 0.0,
    "interpolation_order": 1,
    "value_range": None,
    "preprocessing": None,
    "rescale": None,
    "samplewise_center": False,
    "samplewise_std": False,
    "featurewise_center": False,
    "featurewise_std": False,
    "zca": False,
    "zca_epsilon": 1e-06,
    "data_format": "channels_last",
    "dtype": "float32",
    "seed": None,
}
DEFAULTS = {
    "data.ImageAugmentation": AUGMENTATION,
    "data.ImageAugmentation.__call__": {"seed": None, "epoch": 0, "indices": None},
    "data.ImageAugmentation.fit": {"augment": False, "rounds": 1, "seed": None},
    "data.ImageAugmentation.flow": {
        "y": None,
        "sample_weight": None,
        "batch_size": 32,
        "shuffle": True,
        "seed": None,
        "workers": 0,
    },
    "data.ImageAugmentation.draw": {"count": 1, "seed": None, "epoch": 0, "indices": None},
    "data.Dataset.map": {"workers": 0},
    "data.Dataset.augment": {"seed": None, "workers": 0},
    "data.PixelWindows": {
        "labels": None,
        "size": 9,
        "border": "reflect",
        "fill_value": 0.0,
        "exclude": (),
        "volume": False,
        "dtype": "float32",
    },
    "data.PixelWindows.batches": {"shuffle": True, "seed": None, "workers": 0},
    "data.PixelWindows.split": {},
    "data.PixelWindows.to_map": {"fill": -1},
    "data.Tokenizer": {
        "num_words": None,
        "filters": FILTERS,
        "lower": True,
        "split": " ",
        "char_level": False,
        "oov_token": None,
        "analyzer": None,
    },
    "data.Tokenizer.texts_to_matrix": {"mode": "binary", "dtype": "float32"},
    "data.Tokenizer.sequences_to_matrix": {"mode": "binary", "dtype": "float32"},
    "data.Characters": {"unknown": None},
    "data.pad_sequences": {"maxlen": None, "dtype": "int32", "padding": "pre", "truncating": "pre", "value": 0.0},
    "data.sampling_table": {"sampling_factor": 1e-05},
    "data.sequence_windows": {"step": 1, "targets": "all"},
    "data.skip_grams": {
        "window_size": 4,
        "negative_samples": 1.0,
        "shuffle": True,
        "categorical": False,
        "sampling_table": None,
        "seed": None,
    },
    "data.hash_words": {"filters": FILTERS, "lower": True, "split": " "},
    "data.text_to_words": {"filters": FILTERS, "lower": True, "split": " "},
    "datasets.cifar10.load_data": {"path": None, "download": True, "verbose": 1},
    "datasets.cifar100.load_data": {"label_mode": "fine", "path": None, "download": True, "verbose": 1},
    "datasets.emnist.load_data": {"split": "balanced", "path": None, "download": True, "verbose": 1},
    "datasets.fashion_mnist.load_data": {"path": None, "download": True, "verbose": 1},
    "datasets.kmnist.load_data": {"path": None, "download": True, "verbose": 1},
    "datasets.iris.load_data": {"path": None},
    "datasets.samson.load_data": {"path": None},
    "datasets.indian_pines.load_data": {"path": None},
    "datasets.tiny_shakespeare.load_data": {"path": None},
}


@pytest.mark.parametrize("name, expected", DEFAULTS.items(), ids=DEFAULTS)
def test_defaults(name, expected):
    found = {"data": data, "datasets": datasets}[name.partition(".")[0]]
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    arguments = inspect.signature(found).parameters.items()
    assert {key: argument.default for key, argument in arguments if argument.default is not argument.empty} == expected


def test_filters():
    assert sorted(FILTERS) == sorted('!"#$%&()*+,-./:;<=>?@[]^_`{|}~\\\t\n')
