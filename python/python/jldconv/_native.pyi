from typing import Any

# The package's own: neither for people, nor as it is for long.
def __getattr__(name: str) -> Any: ...
