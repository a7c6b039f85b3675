#!/usr/bin/env python3
"""The fake held to what AWS documents, by boto3. Run it with the Python that moto is installed for."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from cases import access, keys, server, states, use  # noqa: E402

SUBJECTS = (keys, states, access, use, server)


def load_tests(loader: unittest.TestLoader, tests: unittest.TestSuite, pattern: str | None) -> unittest.TestSuite:
    return unittest.TestSuite(loader.loadTestsFromModule(subject) for subject in SUBJECTS)


if __name__ == "__main__":
    unittest.main()
