"""Networks that people know by name. Each function gives an uncompiled model with initial weights of its own."""

from minidl.applications.lectures import CNN as CNN
from minidl.applications.lectures import MLP as MLP
from minidl.applications.lectures import SoftmaxPerceptron as SoftmaxPerceptron
from minidl.applications.lenet import LeNet5 as LeNet5
from minidl.applications.resnet50 import ResNet50 as ResNet50
from minidl.applications.resnet_cifar import ResNet20 as ResNet20
from minidl.applications.resnet_cifar import ResNet56 as ResNet56
from minidl.applications.resnet_cifar import ResNetCifar as ResNetCifar
from minidl.applications.spectral import SpectralCNN as SpectralCNN
from minidl.applications.vgg import VGG16 as VGG16
