"""The binary interface only grows: what tests/data/abi-1.txt holds, the headers still declare, word by word.

A release adds to that file what it declares for the first time:

    python tests/test_abi.py > tests/data/abi-1.txt
"""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROMISED = ROOT / "tests/data/abi-1.txt"


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def declarations(text: str) -> list[str]:
    """Functions with their arguments, structures with their members, enumerators with their values."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    found = [plain(line) for line in re.findall(r"^[\w][\w \*]*\bfd_\w+\([^)]*\);", text, re.M)]
    found += [f"{name} {{{plain(body)}}}" for body, name in re.findall(r"struct \w+ \{([^}]*)\} (\w+);", text)]
    for body in re.findall(r"enum(?: \w+)? \{([^}]*)\}", text):
        value = -1
        for entry in filter(None, map(str.strip, body.split(","))):
            name, _, given = entry.partition("=")
            value = int(given) if given else value + 1
            if not name.startswith("FD_NUM_"):
                found.append(f"{name.strip()} = {value}")
    return sorted(found)


def headers() -> str:
    return "\n".join(path.read_text() for path in sorted((ROOT / "csrc").glob("fastdrop*.h")))


def broken(text: str) -> list[str]:
    """The promised declarations that a text does not hold."""
    return sorted(set(PROMISED.read_text().splitlines()) - set(declarations(text)))


def test_nothing_that_was_promised_has_changed():
    assert len(PROMISED.read_text().splitlines()) > 80
    assert not broken(headers())


def test_a_change_would_be_seen():
    now = headers()
    changes = {
        "uint64_t seed, stream;": "uint64_t stream, seed;",
        "fd_status fd_fold_in(fd_key key, unsigned role,": "fd_status fd_fold_in(fd_key key, int role,",
        "FD_BAD_SHAPE,": "FD_BAD_SOMETHING, FD_BAD_SHAPE,",
        "int fd_openmp(void);": "",
    }
    for old, new in changes.items():
        assert old in now
        assert broken(now.replace(old, new)), new


def test_additions_are_welcome():
    assert not broken(headers().replace("int fd_openmp(void);", "int fd_openmp(void);\nint fd_more(int so_much);\n"))


if __name__ == "__main__":
    print("\n".join(declarations(headers())))
