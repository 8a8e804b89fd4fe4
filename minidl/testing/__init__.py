"""Proofs for layers, losses and models, minidl's own and yours: ``check_gradients`` compares a gradient with differences."""

from minidl.testing.gradients import check_gradients as check_gradients
from minidl.testing.report import GradientError as GradientError
from minidl.testing.report import GradientReport as GradientReport
from minidl.testing.report import Row as Row
