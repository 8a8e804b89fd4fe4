"""stub"""

from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """stub"""
    return 0
