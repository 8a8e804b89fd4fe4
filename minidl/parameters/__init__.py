"""What is trained: a ``Parameter`` owns its array and its gradient, a ``ParameterGroup`` is what one optimizer trains."""

from minidl.parameters.group import ParameterGroup, Segment, named
from minidl.parameters.parameter import Parameter, accumulate_all

__all__ = ["Parameter", "ParameterGroup", "Segment", "accumulate_all", "named"]
