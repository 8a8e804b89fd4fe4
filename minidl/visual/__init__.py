"""Pictures: how training went, what is confused with what, what layers look for and find, and the model as a graph.

``graph`` draws an SVG and needs nothing else; the other functions return a figure of matplotlib, which is installed with
``pip install "minidl[plot]"`` and imported when the first figure is made.
"""

from minidl.visual.classes import confusion as confusion
from minidl.visual.drawing import Drawing as Drawing
from minidl.visual.drawing import graph as graph
from minidl.visual.epochs import curves as curves
from minidl.visual.images import feature_maps as feature_maps
from minidl.visual.images import filters as filters
from minidl.visual.plane import decision_boundary as decision_boundary
from minidl.visual.sensitivity import saliency as saliency
from minidl.visual.structure import structure as structure
