"""``keras.utils.training_utils`` of Keras 2.1."""

from minidl.compat.keywords import Refused

multi_gpu_model = Refused("keras.utils.multi_gpu_model", "training on several GPUs", "one GPU: minidl.set_backend('cupy')")
