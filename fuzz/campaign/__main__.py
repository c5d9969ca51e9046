"""Damages every kind of input in hundreds of ways, and kills, starves and misplaces the program; says what it made of that.

    python3 fuzz/campaign target/release/layerlens                # everything, some hours
    python3 fuzz/campaign BINARY --variants 30 --kills 10         # a first look
    python3 fuzz/campaign BINARY --kinds "IDX images,weights"     # these alone; "list" lists them
    python3 fuzz/campaign BINARY --only damage                    # or kills, or places

A damaged file must be refused by its name (exit code 2 or 3), or have the content that an independent reader finds in it, or be
warned of by its name. Nothing may panic, hang, or be left half-written. Python 3.11 or newer, and nothing else.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import damage
import formats
import kills
import kinds
import places

TIMEOUT = 60


def command(binary, args):
    return [binary, *args, "--device", "cpu", "--progress", "none"]


def start(binary, folder, args):
    """Exit code, or `hangs`, with both texts."""
    try:
        done = subprocess.run(command(binary, args), cwd=folder, capture_output=True, timeout=TIMEOUT, env=kinds.environment())
        return done.returncode, done.stdout, done.stderr.decode(errors="replace")
    except subprocess.TimeoutExpired:
        return "hangs", b"", ""


def laid_out(kind, content, root):
    """A folder of the kind's files with `content` in the victim's place; whole files are shared, since they are replaced whole."""
    folder = Path(tempfile.mkdtemp(dir=root))
    shutil.copytree(kind.folder, folder, dirs_exist_ok=True, copy_function=os.link)
    victim = folder / kind.victim
    victim.unlink()
    victim.write_bytes(content)
    return folder


def tree(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def left_over(before, folder, code):
    """What must not be there after the command."""
    new = tree(folder) - before
    torn = [name for name in new if ".layerlens-" in name or "-replaced-" in name]
    if torn:
        return f"leaves {torn[0]}"
    # A run that failed under way says so in its manifest.
    manifest = folder / "out/manifest.json"
    if code != 0 and new and not (manifest.exists() and '"failed"' in manifest.read_text(errors="replace")):
        return f"writes {sorted(new)[0]} and fails"
    return None


def judge(binary, kind, content, root, clean_outcome):
    """The verdict on one damaged file, with the first line of what was said."""
    folder = laid_out(kind, content, root)
    try:
        before = tree(folder)
        code, stdout, stderr = start(binary, folder, kind.args)
        said = next((line for line in stderr.splitlines() if line.startswith("error")), stderr.strip().splitlines()[-1] if stderr.strip() else "")
        names = {path.name for path in kind.folder.rglob("*") if path.is_file()}
        if code == "hangs":
            return "FAIL hangs", said
        if code < 0 or code in (101, 134, 137, 139) or kinds.is_fault(stderr):
            return f"FAIL code {code}", said
        problem = left_over(before, folder, code)
        if problem:
            return f"FAIL {problem}", said
        if code in (2, 3):
            error = stderr[stderr.find("error") :]
            return ("refused", said) if any(name in error for name in names) else ("FAIL no file named", said)
        if code != 0:
            return f"FAIL code {code}", said
        warned = any("warning" in line and Path(kind.victim).name in line for line in stderr.splitlines())
        try:
            outcome = kind.outcome(folder, stdout)
        except (OSError, formats.Invalid) as error:
            return "FAIL no result", str(error)
        return accepted(binary, kind, content, root, outcome, warned, clean_outcome)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def accepted(binary, kind, content, root, outcome, warned, clean_outcome):
    """The verdict on a damaged file that was taken."""
    if outcome == clean_outcome:
        return "same as undamaged", ""
    if warned:
        return "warned", ""
    if kind.sealed:
        return "FAIL a change is not seen", ""
    if kind.clean is None:
        return "taken, unknown", ""
    try:
        clean = kind.clean(content)
    except (formats.Invalid, ValueError, KeyError, AttributeError, OverflowError) as error:
        return "FAIL taken although damaged", repr(error)
    folder = laid_out(kind, clean, root)
    try:
        code, stdout, stderr = start(binary, folder, kind.args)
        if code != 0:
            return "FAIL taken, its content is refused", stderr.strip()
        return ("as its content", "") if kind.outcome(folder, stdout) == outcome else ("FAIL another content", "")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def trial(binary, kind, number, seed, root, clean_outcome):
    """One variant: its damage, the file, the verdict."""
    rng = random.Random(zlib.crc32(f"{seed} {kind.name} {number}".encode()))
    way, content = damage.damaged(rng, (kind.folder / kind.victim).read_bytes(), kind.ways)
    began = time.monotonic()
    verdict, said = judge(binary, kind, content, root, clean_outcome)
    return way, content, verdict, said, time.monotonic() - began


def undamaged(binary, kind, root):
    folder = laid_out(kind, (kind.folder / kind.victim).read_bytes(), root)
    code, stdout, stderr = start(binary, folder, kind.args)
    try:
        return code, kind.outcome(folder, stdout) if code == 0 else stderr
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def campaign(args, base, scratch):
    """All kinds; the numbers of verdicts, and the failures."""
    chosen = kinds.all_kinds(base)
    if args.kinds == "list":
        return print("\n".join(kind.name for kind in chosen))
    if args.kinds:
        chosen = [kind for kind in chosen if any(part in kind.name for part in args.kinds.split(","))]
    totals, n_fail = Counter(), 0
    with ThreadPoolExecutor(args.jobs) as pool:
        for kind in chosen:
            began = time.monotonic()
            code, clean = undamaged(args.binary, kind, scratch)
            if code != 0:
                print(f"{kind.name}: refused as it is, code {code}: {clean.strip()}", flush=True)
                clean = None
            run = lambda number: trial(args.binary, kind, number, args.seed, scratch, clean)
            # Sealed files are many, and the same readers stand behind them.
            n = args.variants if not kind.sealed else -(-args.variants // 10)
            results = list(pool.map(run, range(n)))
            counts = Counter(verdict for _, _, verdict, _, _ in results)
            totals.update("FAIL" if verdict.startswith("FAIL") else verdict for verdict in counts.elements())
            slowest = max(seconds for *_, seconds in results)
            text = ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common())
            print(f"{kind.name}: {text} ({time.monotonic() - began:.0f} s, slowest {slowest:.1f} s)", flush=True)
            n_fail += keep(args, kind, results)
    print(f"\n{sum(totals.values())} damaged files of {len(chosen)} kinds: {dict(totals)}", flush=True)
    return n_fail


def keep(args, kind, results):
    """Shows every sort of failure once, by its smallest file, which is kept."""
    sorts = defaultdict(list)
    for number, (way, content, verdict, said, _) in enumerate(results):
        if verdict.startswith("FAIL"):
            sorts[verdict, re.sub(r"\d+", "N", said)[:90]].append((len(content), number, way, content, said))
    for (verdict, _), failures in sorts.items():
        _, number, way, content, said = min(failures, key=lambda failure: failure[:2])
        args.keep.mkdir(parents=True, exist_ok=True)
        path = args.keep / f"{kind.name.replace(' ', '_').replace('/', '_')}-{number}-{Path(kind.victim).name}"
        path.write_bytes(content)
        print(f"  {verdict} x {len(failures)}: {way}: {said[:300]}\n    {path}: layerlens {' '.join(kind.args)}", flush=True)
    return sum(map(len, sorts.values()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("binary", type=lambda path: str(Path(path).resolve()))
    parser.add_argument("--variants", type=int, default=300, help="damaged files of each kind")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--kinds", help="parts of names, with commas between, or list")
    parser.add_argument("--only", choices=["damage", "kills", "places"])
    parser.add_argument("--keep", type=Path, default=Path(__file__).parent.parent / "artifacts/campaign", help="where failures go")
    args = parser.parse_args()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as root:
        base = kinds.Base(args.binary, Path(root) / "base")
        scratch = Path(root) / "cases"
        scratch.mkdir()
        n_fail = 0
        if args.only in (None, "damage"):
            n_fail += campaign(args, base, scratch) or 0
        if args.only in (None, "kills") and args.kinds != "list":
            n_fail += kills.campaign(args, base, scratch)
        if args.only in (None, "places") and args.kinds != "list":
            n_fail += places.campaign(args, base, scratch)
    print(f"{n_fail} failures")
    sys.exit(n_fail > 0)


if __name__ == "__main__":
    main()
