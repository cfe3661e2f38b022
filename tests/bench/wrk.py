"""wrk as a function: a closed loop of connections against one address, its figures parsed."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """
wrk.method = {method}
wrk.body = {body}
{headers}
local number = 0
request = function()
  number = number + 1
  {each}
  return wrk.format(nil, nil)
end
done = function(summary, latency, requests)
  io.write(string.format("JSON {{\\"requests\\": %d, \\"duration_us\\": %d, \\"p50_us\\": %d, \\"p99_us\\": %d, " ..
    "\\"errors\\": %d, \\"not_2xx\\": %d}}\\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), summary.errors.connect + summary.errors.read + summary.errors.write +
    summary.errors.timeout, summary.errors.status))
end
"""


@dataclass
class Measured:
    requests: int
    duration_us: int
    p50_us: int
    p99_us: int
    errors: int
    not_2xx: int

    @property
    def per_s(self) -> float:
        return self.requests / self.duration_us * 1e6


def wrk(
    url: str,
    folder: Path,
    *,
    method: str,
    headers: dict[str, str],
    body: str = "",
    keyed: str = "",
    connections: int,
    seconds: int,
) -> Measured:
    """Load `url`; `keyed` gives each request an Idempotency-Key of its own with that prefix."""
    script = folder / "request.lua"
    script.write_text(
        SCRIPT.format(
            method=_lua(method),
            body=_lua(body),
            headers="\n".join(f"wrk.headers[{_lua(name)}] = {_lua(value)}" for name, value in headers.items()),
            each=f'wrk.headers["Idempotency-Key"] = {_lua(keyed)} .. number' if keyed else "",
        )
    )
    argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
    result = subprocess.run(argv, capture_output=True, text=True, check=True)
    line = next(line for line in result.stdout.splitlines() if line.startswith("JSON "))
    return Measured(**json.loads(line.removeprefix("JSON ")))


def _lua(text: str) -> str:
    return json.dumps(text)
