"""``keras.utils`` of Keras 2.1, and of Keras 1."""

from minidl.compat.keras.utils import conv_utils as conv_utils
from minidl.compat.keras.utils import data_utils as data_utils
from minidl.compat.keras.utils import generic_utils as generic_utils
from minidl.compat.keras.utils import io_utils as io_utils
from minidl.compat.keras.utils import layer_utils as layer_utils
from minidl.compat.keras.utils import np_utils as np_utils
from minidl.compat.keras.utils import training_utils as training_utils
from minidl.compat.keras.utils import vis_utils as vis_utils
from minidl.compat.keras.utils.data_utils import GeneratorEnqueuer as GeneratorEnqueuer
from minidl.compat.keras.utils.data_utils import OrderedEnqueuer as OrderedEnqueuer
from minidl.compat.keras.utils.data_utils import Sequence as Sequence
from minidl.compat.keras.utils.data_utils import get_file as get_file
from minidl.compat.keras.utils.generic_utils import CustomObjectScope as CustomObjectScope
from minidl.compat.keras.utils.generic_utils import Progbar as Progbar
from minidl.compat.keras.utils.generic_utils import custom_object_scope as custom_object_scope
from minidl.compat.keras.utils.generic_utils import deserialize_keras_object as deserialize_keras_object
from minidl.compat.keras.utils.generic_utils import get_custom_objects as get_custom_objects
from minidl.compat.keras.utils.generic_utils import serialize_keras_object as serialize_keras_object
from minidl.compat.keras.utils.io_utils import HDF5Matrix as HDF5Matrix
from minidl.compat.keras.utils.layer_utils import convert_all_kernels_in_model as convert_all_kernels_in_model
from minidl.compat.keras.utils.layer_utils import print_summary as print_summary
from minidl.compat.keras.utils.np_utils import normalize as normalize
from minidl.compat.keras.utils.np_utils import to_categorical as to_categorical
from minidl.compat.keras.utils.training_utils import multi_gpu_model as multi_gpu_model
from minidl.compat.keras.utils.vis_utils import plot_model as plot_model
