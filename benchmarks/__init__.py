"""How fast minidl is, and beside what: see docs/performance.md."""
