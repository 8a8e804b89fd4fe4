"""Faults in packages that load their files on demand."""

from tests.cases.mutant import mutant

TESTS = "tests/test_on_demand.py::"

mutant(
    "a file missing in the table of a package",
    "layers/__init__.py",
    TESTS + "test_the_names_are_those_that_type_checkers_see",
    '    "prelu": "PReLU",\n',
    "",
)
mutant(
    "names looked up among the loaded classes only",
    "declared.py",
    TESTS + "test_names_from_texts_and_files_are_found_without_an_import",
    "    if name.lower() not in _NAMES.get(kind, {}):\n        _complete(kind)\n",
    "",
)
mutant(
    "classes of files looked up among the loaded ones only",
    "declared.py",
    TESTS + "test_names_from_texts_and_files_are_found_without_an_import",
    "    if name not in _TABLE.get(kind, {}):\n        _complete(kind)\n",
    "",
)
mutant(
    "a file that failed is never loaded again",
    "declared.py",
    TESTS + "test_a_file_that_cannot_be_loaded_is_no_reason_to_say_that_names_are_unknown",
    "                load_all()\n                del _COMPLETE_BY[kind]\n",
    "                del _COMPLETE_BY[kind]\n                load_all()\n",
)
