"""The frozen and the published vectors in `tests/vectors`; its README says what each file holds."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "vectors"


def load(name: str) -> dict[str, Any]:
    """The document in a file of that folder."""
    document: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return document


def store(name: str, document: dict[str, Any]) -> None:
    """Write a file of that folder anew."""
    (FOLDER / name).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
