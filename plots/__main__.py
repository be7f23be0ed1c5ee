"""`python -m plots plot RUN...`, or `python path/to/plots plot RUN...` from anywhere. Reports missing libraries as exit 4, with the mend."""

import os
import sys

MISSING = 4

if __name__ == "__main__":
    here = os.path.dirname(os.path.abspath(__file__))
    # Started by its path, Python puts this folder itself first; modules here must not be taken for top-level ones.
    sys.path[:] = [os.path.dirname(here), *(p for p in sys.path if os.path.abspath(p or ".") != here)]
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ImportError as error:
        print(
            f"convroof: {sys.executable} lacks {error.name}; mend: {sys.executable} -m pip install -r {os.path.join(here, 'requirements.txt')}", file=sys.stderr
        )
        sys.exit(MISSING)
    from plots.cli import main

    sys.exit(main(sys.argv[1:]))
