"""``six.moves``: the names of Python 3 for what had others in Python 2."""

import builtins as builtins
import configparser as configparser
import pickle as cPickle  # noqa: F401  (six's names, here and below)
import queue as queue
from functools import reduce as reduce
from importlib import reload as reload_module  # noqa: F401
from io import StringIO as StringIO
from itertools import filterfalse as filterfalse
from itertools import zip_longest as zip_longest
from os import getcwd as getcwd

from minidl.compat.six.moves import urllib as urllib

range, xrange, zip, map, filter, input = range, range, zip, map, filter, input  # noqa: A001
cStringIO = StringIO
