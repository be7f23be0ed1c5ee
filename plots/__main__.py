"""`python -m plots plot RUN...`, or `python path/to/plots plot RUN...` from anywhere. Reports missing libraries as exit 4, with the mend."""

import importlib.util
import os
import sys

MISSING = 4

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    # Started by its path, Python puts this folder itself first; modules here must not be taken for top-level ones.
    sys.path[:] = [os.path.dirname(here), *(p for p in sys.path if os.path.abspath(p or ".") != here)]
    # Looked for and not imported: a mistake on the command line should be answered at once.
    lacking = [name for name in ("jinja2", "matplotlib") if importlib.util.find_spec(name) is None]
    if lacking:
        requirements = os.path.join(here, "requirements.txt")
        print(f"convroof: {sys.executable} lacks {' and '.join(lacking)}; mend: {sys.executable} -m pip install -r {requirements}", file=sys.stderr)
        sys.exit(MISSING)
    from plots.cli import main

    sys.exit(main(sys.argv[1:]))
