"""``six.moves.urllib``: that of Python 3."""

from minidl.compat.six.moves.urllib import error as error
from minidl.compat.six.moves.urllib import parse as parse
from minidl.compat.six.moves.urllib import request as request
