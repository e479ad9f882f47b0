"""Write a wheel whose import name is ``agents``, like that of openai-agents, into the folder given."""

import sys
from pathlib import Path
from zipfile import ZipFile

NAME = "clashing_agents-1.0"
FILES = {
    "agents/__init__.py": 'raise RuntimeError("cosim imported the agents of another package")\n',
    f"{NAME}.dist-info/METADATA": "Metadata-Version: 2.1\nName: clashing-agents\nVersion: 1.0\n",
    f"{NAME}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: cosim\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
RECORD = f"{NAME}.dist-info/RECORD"

with ZipFile(Path(sys.argv[1]) / f"{NAME}-py3-none-any.whl", "w") as wheel:
    for file, content in FILES.items():
        wheel.writestr(file, content)
    wheel.writestr(RECORD, "".join(f"{file},,\n" for file in (*FILES, RECORD)))
