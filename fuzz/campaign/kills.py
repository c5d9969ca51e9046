"""Ends `run` by signals at random moments, goes on with it or replaces it, and compares what comes of that with a run that nobody
disturbed."""

import json
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

import kinds

SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
# Keys of a manifest that speak of time or of the command line, which a resumed or replaced run has of its own.
OF_TIME = {"started", "seconds", "argv", "times", "train_seconds", "seconds_per_epoch", "time"}


def timeless(value):
    if isinstance(value, dict):
        return {key: timeless(inner) for key, inner in value.items() if key not in OF_TIME and "seconds" not in key}
    return [timeless(inner) for inner in value] if isinstance(value, list) else value


def contents(out):
    """Every file of a run by its path."""
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}


def same(ours, reference, volatile):
    """What differs from the undisturbed run, or nothing."""
    if set(ours) != set(reference):
        return f"other files: {sorted(set(ours) ^ set(reference))[:5]}"
    for name in reference:
        if name == "manifest.json":
            a, b = (drop_hashes(timeless(json.loads(files[name])), volatile) for files in (ours, reference))
            if a != b:
                return "the manifest differs: " + first_difference(a, b)
        elif name not in volatile and ours[name] != reference[name]:
            return f"{name} differs"
    return None


def drop_hashes(manifest, volatile):
    """Files that hold times differ, and so do their hashes."""
    for output in manifest.get("outputs", []):
        if output.get("path") in volatile:
            output.pop("sha256", None)
            output.pop("bytes", None)
    return manifest


def first_difference(a, b, path=""):
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(set(a) | set(b)):
            if a.get(key) != b.get(key):
                return first_difference(a.get(key), b.get(key), f"{path}.{key}")
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for at, (x, y) in enumerate(zip(a, b)):
            if x != y:
                return first_difference(x, y, f"{path}[{at}]")
    return f"{path}: {str(a)[:80]} and {str(b)[:80]}"


def start(binary, folder, args):
    full = [binary, *args, "--device", "cpu", "--progress", "none"]
    return subprocess.Popen(full, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=kinds.environment())


def disturbed(binary, folder, args, which, seconds):
    """Starts, waits, sends the signal; the exit code and what was said."""
    process = start(binary, folder, args)
    time.sleep(seconds)
    process.send_signal(which)
    try:
        stderr = process.communicate(timeout=60)[1].decode(errors="replace")
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "hangs", ""
    return process.returncode, stderr


def one(binary, base, scratch, number, reference, volatile, seconds, rng):
    """One kill and what follows; nothing if all is well."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    shutil.copytree(base.root / "run/data", folder / "data")
    which = SIGNALS[number % 3]
    forced = number % 4 == 3
    if forced:
        # An earlier run, whole, which the killed one was to replace.
        shutil.copytree(base.root / "run/out", folder / "out")
    args = kinds.RUN + (["--force"] if forced else [])
    code, stderr = disturbed(binary, folder, args, which, rng.uniform(0, seconds))
    expected = {signal.SIGKILL: {-9, 0}, signal.SIGTERM: {130, 0, -15}, signal.SIGINT: {130, 0, -2}}[which]
    if code not in expected or kinds.is_fault(stderr):
        return f"{which.name}: code {code}: {stderr.strip()[-200:]}"
    after = rng.choice(["--resume", "--force"])
    done = start(binary, folder, kinds.RUN + [after])
    stderr = done.communicate(timeout=120)[1].decode(errors="replace")
    if done.returncode != 0:
        return f"{which.name}, {'--force ' if forced else ''}then {after}: code {done.returncode}: {stderr.strip()[-300:]}"
    left = [path.name for path in folder.rglob("*") if ".layerlens-" in path.name or "-replaced-" in path.name]
    if left:
        return f"{which.name}, {'--force ' if forced else ''}then {after}: leaves {left[0]}"
    difference = same(contents(folder / "out"), reference, volatile)
    shutil.rmtree(folder)
    return difference and f"{which.name}, {'--force ' if forced else ''}then {after}: {difference}"


def campaign(args, base, scratch):
    """`args.kills` kills one after the other, since their moments matter; the number of failures."""
    runs, seconds = [], 0.0
    for _ in range(2):
        folder = Path(tempfile.mkdtemp(dir=scratch))
        shutil.copytree(base.root / "run/data", folder / "data")
        began = time.monotonic()
        assert start(args.binary, folder, kinds.RUN).wait() == 0
        seconds = max(seconds, time.monotonic() - began)
        runs.append(contents(folder / "out"))
    reference = runs[0]
    volatile = {name for name in reference if runs[1].get(name) != reference[name]} - {"manifest.json"}
    print(f"kills: an undisturbed run takes {seconds:.1f} s; of its {len(reference)} files {sorted(volatile)} hold times", flush=True)
    rng, failures = random.Random(args.seed), Counter()
    for number in range(args.kills):
        try:
            problem = one(args.binary, base, scratch, number, reference, volatile, seconds * 0.95, rng)
        except subprocess.TimeoutExpired:
            problem = "hangs"
        if problem:
            failures[problem] += 1
            print(f"  FAIL {number}: {problem}", flush=True)
    print(f"{args.kills} kills: {args.kills - sum(failures.values())} well, {sum(failures.values())} failed", flush=True)
    return sum(failures.values())
