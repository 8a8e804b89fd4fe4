"""Networks that learn what data looks like, without labels: restricted Boltzmann machines, and stacks of them."""

from minidl.boltzmann.belief import DeepBeliefNetwork as DeepBeliefNetwork
from minidl.boltzmann.rbm import RBM as RBM
