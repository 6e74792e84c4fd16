"""Why a target is not met, and what was tried: by the target's key, as `bench/targets.py --json` writes them.

An entry says which resource is the limit (instructions, ports, bytes), with the measurement that shows it.
"""

EXPLANATIONS: dict[str, str] = {}
