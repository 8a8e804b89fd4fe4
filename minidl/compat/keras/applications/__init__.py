"""``keras.applications`` of Keras 2.1: the networks that minidl has, without weights."""

from minidl.compat.keras.applications import imagenet_utils as imagenet_utils
from minidl.compat.keras.applications import inception_resnet_v2 as inception_resnet_v2
from minidl.compat.keras.applications import inception_v3 as inception_v3
from minidl.compat.keras.applications import mobilenet as mobilenet
from minidl.compat.keras.applications import resnet50 as resnet50
from minidl.compat.keras.applications import vgg16 as vgg16
from minidl.compat.keras.applications import vgg19 as vgg19
from minidl.compat.keras.applications import xception as xception
from minidl.compat.keras.applications.known import VGG16 as VGG16
from minidl.compat.keras.applications.known import VGG19 as VGG19
from minidl.compat.keras.applications.known import InceptionResNetV2 as InceptionResNetV2
from minidl.compat.keras.applications.known import InceptionV3 as InceptionV3
from minidl.compat.keras.applications.known import MobileNet as MobileNet
from minidl.compat.keras.applications.known import ResNet50 as ResNet50
from minidl.compat.keras.applications.known import Xception as Xception
