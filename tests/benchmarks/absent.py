"""A side whose library is not installed anywhere."""

import a_library_that_is_not_there  # noqa: F401
