"""Full disks, small limits, closed outputs, missing homes and strange languages."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import kinds

EMBED = "embed x.npy --labels y.npy --method tsne --max-iter 60 --perplexity 8 --out out"
RUN = " ".join(kinds.RUN)
TAIL = "--device cpu --progress none"
# Commands that print to stdout.
PRINTING = ["devices", "data list", "data info data", "model show mlp", "model show model.toml", "evaluate x.npy --labels y.npy", "--help", "--version"]


def shell(binary, folder, script, **more):
    """Runs a script, in which $0 is the program."""
    try:
        done = subprocess.run(["bash", "-c", script, binary], cwd=folder, capture_output=True, timeout=120, env=kinds.environment(**more))
    except subprocess.TimeoutExpired:
        return "hangs", "", ""
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def torn(folder):
    return [path.name for path in folder.rglob("*") if ".layerlens-" in path.name or "-replaced-" in path.name]


def case_folder(base, scratch):
    folder = Path(tempfile.mkdtemp(dir=scratch))
    shutil.copytree(base.points, folder, dirs_exist_ok=True)
    shutil.copytree(base.root / "idx/data", folder / "data")
    shutil.copy(base.root / "model/model.toml", folder)
    return folder


def cases(base):
    """Name, script, codes that are right, a part of the message, environment."""
    for kib in [0, 1, 2, 4, 8, 16, 64, 256]:
        for job in [EMBED, RUN]:
            # SIGXFSZ is ignored, so that the write fails as on a full disk; then without: the signal's death is the system's.
            yield f"ulimit -f {kib}: {job[:5]}", f"trap '' XFSZ; ulimit -f {kib}; \"$0\" {job} {TAIL}", {0, 1}, None, {}
    for job in [EMBED, RUN, "data convert data out.npz", "evaluate x.npy --labels y.npy"]:
        yield f"ulimit -v 600 MB: {job[:12]}", f"ulimit -v 600000; \"$0\" {job} {TAIL}", {0, 1, 3}, None, {}
    for job in PRINTING:
        yield f"/dev/full: {job}", f"\"$0\" {job} > /dev/full", {1}, None, {}
        yield f"closed stdout: {job}", f"\"$0\" {job} >&-", {0, 1}, None, {}
        yield f"closed pipe: {job}", f"\"$0\" {job} | true; exit ${{PIPESTATUS[0]}}", {0}, None, {}
        yield f"no outputs: {job}", f"\"$0\" {job} >&- 2>&- <&-", {0, 1}, None, {}
    for job in [EMBED, RUN]:
        yield f"closed stdout: {job[:5]}", f"\"$0\" {job} {TAIL} >&-", {0, 1}, None, {}
        yield f"/dev/full: {job[:5]}", f"\"$0\" {job} {TAIL} > /dev/full", {1}, None, {}
        yield f"stderr full: {job[:5]}", f"\"$0\" {job} --device cpu 2> /dev/full", {0}, None, {}
        yield f"no home: {job[:5]}", f"unset HOME XDG_DATA_HOME; \"$0\" {job} {TAIL}", {0}, None, {}
        yield f"home is a file: {job[:5]}", f"HOME=$PWD/x.npy \"$0\" {job} {TAIL}", {0}, None, {}
        yield f"no TMPDIR: {job[:5]}", f"TMPDIR=/nowhere \"$0\" {job} {TAIL}", {0}, None, {}
        for language in ["C", "POSIX", "tr_TR.UTF-8", "de_DE.UTF-8", "zz_ZZ", "ja_JP.eucJP", "\x01"]:
            yield f"LC_ALL={language!r}: {job[:5]}", f"\"$0\" {job} {TAIL}", {0}, None, {"LC_ALL": language, "LANG": language}
    yield "no home: data list", "unset HOME XDG_DATA_HOME; \"$0\" data list", {0}, None, {}
    yield "folder not to be read", "mkdir closed; chmod 0 closed; setpriv --reuid 65534 --clear-groups \"$0\" data info closed", {2, 3}, "closed", {}
    yield "folder not to be written", f"mkdir w; chmod 555 w; setpriv --reuid 65534 --clear-groups \"$0\" {EMBED.replace('--out out', '--out w/out')} {TAIL}", {1, 3}, None, {}
    yield "out is a file", f"touch out; \"$0\" {EMBED} {TAIL}", {1}, "out", {}
    yield "out below a file", f"\"$0\" {EMBED.replace('--out out', '--out x.npy/out')} {TAIL}", {1}, "x.npy", {}
    yield "x.npy is a folder", f"rm x.npy; mkdir x.npy; \"$0\" {EMBED} {TAIL}", {3}, "x.npy", {}
    yield "x.npy is a pipe", f"rm x.npy; mkfifo x.npy; (sleep 1; echo abc > x.npy) & timeout 20 \"$0\" {EMBED} {TAIL}", {3}, "x.npy", {}
    yield "x.npy is /dev/zero", f"rm x.npy; ln -s /dev/zero x.npy; timeout 20 \"$0\" {EMBED} {TAIL}", {3}, "x.npy", {}
    yield "data are /dev/null", "rm data/*images*; ln -s /dev/null data/train-images-idx3-ubyte; ln -s /dev/null data/t10k-images-idx3-ubyte; \"$0\" data info data", {3}, "images", {}


def full_disks(args, base, scratch):
    """The run on a disk of every size, until one is large enough; needs the right to mount."""
    failures, n = [], 0
    for kib in [16, 32, 64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096]:
        folder = case_folder(base, scratch)
        disk = folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "tmpfs", disk], capture_output=True).returncode != 0:
            print("full disks: left out, there is no right to mount", flush=True)
            return 0, []
        try:
            for job in [EMBED, RUN]:
                n += 1
                code, _, stderr = shell(args.binary, folder, f"\"$0\" {job.replace('--out out', '--out disk/out')} {TAIL}")
                if code not in (0, 1) or (code == 1 and "disk" not in stderr) or kinds.is_fault(stderr) or torn(disk):
                    failures.append(f"disk of {kib} KiB: {job[:5]}: code {code}, torn {torn(disk)}: {stderr.strip()[-200:]}")
                shutil.rmtree(disk / "out", ignore_errors=True)
        finally:
            subprocess.run(["umount", disk], check=True)
    return n, failures


def campaign(args, base, scratch):
    """All of it; the number of failures."""
    n, failures = full_disks(args, base, scratch)
    for name, script, codes, part, more in cases(base):
        n += 1
        folder = case_folder(base, scratch)
        code, _, stderr = shell(args.binary, folder, script, **more)
        # What is closed or full hides the message.
        if code not in codes or kinds.is_fault(stderr) or torn(folder) or (part and code != 0 and part not in stderr):
            failures.append(f"{name}: code {code}, torn {torn(folder)}: {stderr.strip()[-250:]}")
        subprocess.run(["chmod", "-R", "u+rwX", folder], check=False)
        shutil.rmtree(folder, ignore_errors=True)
    for failure in failures:
        print(f"  FAIL {failure}", flush=True)
    print(f"{n} places and limits: {n - len(failures)} well, {len(failures)} failed", flush=True)
    return len(failures)
