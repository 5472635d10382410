"""requirements.lock must hold a fitting, hashed version of each dependency and name no host."""

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def problems(project: dict, lock: str) -> list[str]:
    """What is wrong with the lock, one sentence each."""
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    locked = {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([\w.\-]+)(?:\[[^]]*])?==([^\s;\\]+)", lock, re.M)
    }
    found = []
    for requirement in map(Requirement, wanted):
        version = locked.get(canonicalize_name(requirement.name))
        if version is None:
            found.append(f"{requirement.name} is not locked")
        elif not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{requirement} does not admit the locked {version}")
    if "://" in lock:
        found.append("the lock names a host")
    return found


def main() -> int:
    """Print problems; exit 1 if there are any."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = problems(project, (ROOT / "requirements.lock").read_text())
    for problem in found:
        print(f"requirements.lock: {problem}. Run make lock.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
