"""What `pyproject.toml` cannot say: a wheel holds the examples too, which `backtester examples` copies out.

They live in `examples/`, where a reader of the repository looks for them, and go to `backtester/cli/shipped_examples`
in a wheel. An editable installation reads them where they are.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

EXAMPLES = Path("examples")


class BuildWithExamples(build_py):
    """Build the packages, and put the examples beside the command that copies them."""

    def run(self) -> None:
        """Build."""
        super().run()
        if self.editable_mode:
            return
        for path in sorted((*EXAMPLES.glob("*.py"), *EXAMPLES.glob("notebooks/*.ipynb"))):
            target = Path(self.build_lib, "backtester", "cli", "shipped_examples", path.relative_to(EXAMPLES))
            self.mkpath(str(target.parent))
            self.copy_file(str(path), str(target))


setup(cmdclass={"build_py": BuildWithExamples})
