"""The kinds of input, the command that reads each, and what of its results is looked at."""

import json
import os
import random
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import damage
import formats

CLASSES = ["circle", "square", "star"]
SIDE, N_TRAIN, N_TEST, N_POINTS = 8, 60, 30, 60
MAP = ["--max-iter", "60", "--perplexity", "8"]


@dataclass
class Kind:
    """One kind of input."""

    name: str
    folder: Path  # the files of a case
    victim: str  # the one that is damaged
    args: list  # the command
    outcome: Callable  # what it made, from its folder and its standard output
    clean: Callable | None  # a clean file with the content of a damaged one; without it no content can be told
    ways: list
    sealed: bool = False  # the program knows what the file must be: any change must be refused


def images(seed, n):
    """Pixels with a bright part that moves with the class, and the classes."""
    rng = random.Random(seed)
    labels = [i % len(CLASSES) for i in range(n)]
    pixels = []
    for label in labels:
        for at in range(SIDE * SIDE):
            base = 180 if at // (SIDE * SIDE // len(CLASSES) + 1) == label else 20
            pixels.append(base + rng.randrange(60))
    return pixels, labels


def points(seed, n, columns=5):
    rng = random.Random(seed)
    return [round(10.0 * (i % 3) + rng.gauss(0, 1), 3) for i in range(n) for _ in range(columns)]


def write(folder, **files):
    """Files by name, `__` for a dot and `___` for a slash."""
    for name, content in files.items():
        path = folder / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class Base:
    """Clean inputs, some of them made by the program itself."""

    def __init__(self, binary, root):
        self.binary, self.root = binary, root
        (self.train, self.y_train), (self.test, self.y_test) = images(1, N_TRAIN), images(2, N_TEST)
        self.make_data()
        self.make_runs()

    def start(self, folder, *args):
        done = subprocess.run([self.binary, *args, "--device", "cpu", "--progress", "none"], cwd=folder, capture_output=True, env=environment())
        if done.returncode != 0:
            raise SystemExit(f"the base is not made: {args}\n{done.stderr.decode()}")

    def folder(self, name):
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def make_data(self):
        shape = lambda labels: (len(labels), SIDE, SIDE)
        parts = {"train": (self.train, self.y_train), "test": (self.test, self.y_test)}
        four = {f"{axis}_{part}": parts[part][axis == "y"] for part in parts for axis in "xy"}
        idx = {
            "train_images": formats.idx(shape(self.y_train), self.train),
            "train_labels": formats.idx((N_TRAIN,), self.y_train),
            "t10k_images": formats.idx(shape(self.y_test), self.test),
            "t10k_labels": formats.idx((N_TEST,), self.y_test),
        }
        for folder, ending, pack in [("idx", "", bytes), ("idx_gz", ".gz", formats.zipped)]:
            for name, content in idx.items():
                kind = "idx3" if name.endswith("images") else "idx1"
                write(self.folder(f"{folder}/data"), **{name.replace("_", "-") + f"-{kind}-ubyte{ending}": pack(content)})
        row = lambda values: ",".join(map(str, values))
        d = SIDE * SIDE
        lines = {name: "".join(row(values[i : i + (d if name[0] == "x" else 1)]) + "\n" for i in range(0, len(values), d if name[0] == "x" else 1)) for name, values in four.items()}
        for name, text in lines.items():
            write(self.folder("csv/data"), **{f"{name}__csv": text.encode()})
            write(self.folder("csv_gz/data"), **{f"{name}__csv__gz": formats.zipped(text.encode())})
        for part, (pixels, labels) in parts.items():
            head = "label," + row(f"pixel{i}" for i in range(1, d + 1)) + "\n"
            body = "".join(f"{label},{row(pixels[i * d : (i + 1) * d])}\n" for i, label in enumerate(labels))
            write(self.folder("together/data"), **{f"{part}__csv": (head + body).encode()})
        arrays = {name: formats.npy(values, shape(values[::d]) if name[0] == "x" else (len(values),), "|u1") for name, values in four.items()}
        write(self.folder("npy/data"), **{f"{name}__npy": array for name, array in arrays.items()})
        members = {f"{name}.npy": array for name, array in arrays.items()}
        write(self.folder("npz"), data__npz=formats.npz(members, False))
        write(self.folder("deflated"), data__npz=formats.npz(members, True))
        for ending, folder in [("png", "png"), ("jpg", "jpeg")]:
            for part, n in [("train", 4), ("test", 2)]:
                for label, name in enumerate(CLASSES):
                    for i in range(n):
                        at = (i * 3 + label) * d
                        rows = [self.train[at + r * SIDE : at + (r + 1) * SIDE] for r in range(SIDE)]
                        content = formats.JPEG if (ending, i) == ("jpg", 0) else formats.png(rows)
                        write(self.folder(f"{folder}/data/{part}/{name}"), **{f"{i}__{ending if i == 0 else 'png'}": content})
        self.make_points()

    def make_points(self):
        x, new, y = points(3, N_POINTS), points(4, 20), [i % 3 for i in range(N_POINTS)]
        shape = (N_POINTS, 5)
        forms = {"f4": x, "f8": x, "u1": [int(v * 4) % 200 for v in x], "i4": [int(v * 1000) for v in x], "f2": x}
        for form, values in forms.items():
            write(self.folder(f"points_{form}"), x__npy=formats.npy(values, shape, ("|" if form == "u1" else "<") + form))
        start = [round(random.Random(5).gauss(0, 1e-4 * (1 + i % 7)), 9) for i in range(2 * N_POINTS)]
        common = {"x__npy": formats.npy(x, shape), "new__npy": formats.npy(new, (20, 5)), "y__npy": formats.npy(y, (N_POINTS,), "<i8")}
        self.points = self.folder("points")
        text = "label\n" + "".join(f"{v}\n" for v in y)
        names = "".join(f"{CLASSES[v]}\n" for v in y)
        write(
            self.points,
            **common,
            init__npy=formats.npy(start, (N_POINTS, 2)),
            words__npy=formats.npy([CLASSES[v] for v in y], (N_POINTS,), "<U8"),
            y__csv=text.encode(),
            words__txt=names.encode(),
            map__npy=formats.npy(start, (N_POINTS, 2)),
            map__csv="".join(f"{start[2 * i]},{start[2 * i + 1]}\n" for i in range(N_POINTS)).encode(),
            names__txt="".join(f"{name}\n" for name in CLASSES).encode(),
            pictures__idx=formats.idx((N_POINTS, SIDE, SIDE), self.train),
        )
        model = (
            'name = "small"\n\n[training]\nepochs = 2\nbatch_size = 16\nlearning_rate = 0.001\nvalidation = 0.2\n'
            'validation_split = "last"\n\n[[layers]]\ntype = "conv"\nname = "edges"\nfilters = 4\nkernel = 3\npadding = "same"\n'
            'activation = "relu"\n\n[[layers]]\ntype = "max_pool"\nsize = 2\n\n[[layers]]\ntype = "batch_norm"\n\n[[layers]]\n'
            'type = "dropout"\nrate = 0.5\n\n[[layers]]\ntype = "dense"\nactivation = "softmax"\n'
        )
        write(self.folder("model"), model__toml=model.encode())
        groups = '[[group]]\nname = "round"\nclasses = [0]\n\n[[group]]\nname = "pointed"\nclasses = [1, 2]\n'
        for folder, name, text in [("groups_toml", "groups.toml", groups), ("groups_csv", "groups.csv", "class,group\n0,round\n1,pointed\n2,pointed\n")]:
            shutil.copytree(self.root / "idx/data", self.folder(folder) / "data", dirs_exist_ok=True)
            (self.root / folder / name).write_text(text)

    def make_runs(self):
        self.start(self.points, "embed", "x.npy", "--method", "tsne", *MAP, "--out", "embedded")
        trained = self.folder("trained")
        shutil.copytree(self.root / "idx/data", trained / "data", dirs_exist_ok=True)
        self.start(trained, "train", "--dataset", "data", "--epochs", "2", "--hidden", "8", "--checkpoint-every", "1", "--out", "first")
        run = self.folder("run")
        shutil.copytree(self.root / "idx/data", run / "data", dirs_exist_ok=True)
        self.start(run, *RUN)
        shutil.copytree(run / "out/activations", self.folder("layers") / "layers", dirs_exist_ok=True)


RUN = ["run", "--dataset", "data", "--epochs", "1", "--hidden", "8", "--methods", "pca,tsne", *MAP, "--out", "out"]


def is_fault(stderr):
    """Whether the last words of the program are those of a fault, of it or of a driver."""
    return "fault of the program" in stderr or "aborted by a fault" in stderr


def environment(**more):
    """What a case sees of the caller's environment."""
    keep = {name: os.environ[name] for name in ["PATH", "HOME", "TMPDIR"] if name in os.environ}
    return {**keep, "RAYON_NUM_THREADS": "1", **more}


def of_file(name):
    return lambda folder, _: (folder / name).read_bytes()


def of_arrays(folder, _):
    """What `data convert` wrote, without the accidents of an archive."""
    return formats.read_npz((folder / "out.npz").read_bytes())


def of_text(_, stdout):
    return stdout


def of_text_without(name):
    """What was printed, but for the lines that tell size and hash of the file `name`."""
    return lambda _, stdout: [line for line in stdout.splitlines() if name.encode() not in line]


def of_page(folder, _):
    """A page without the table of its inputs, which holds their sizes and hashes."""
    of_input = rb'<th scope="row">[^<]*</th><td class="figure">[0-9,]+</td><td>[0-9a-f]{64}</td>'
    return re.sub(of_input, b"", (folder / "page.html").read_bytes())


def of_tree(*names):
    def outcome(folder, _):
        found = {}
        for name in names:
            for path in sorted((folder / name).rglob("*")) if (folder / name).is_dir() else [folder / name]:
                if path.is_file():
                    found[str(path.relative_to(folder))] = path.read_bytes()
        return found

    return outcome


def in_gzip(clean):
    return lambda data: formats.zipped(clean(formats.unzipped(data)))


def clean_idx(dims):
    return lambda data: formats.idx(*formats.read_idx(data, dims))


def clean_npz(data):
    """The four arrays, which may stand among others."""
    arrays = formats.read_npz(data)
    wanted = [f"{axis}_{part}.npy" for part in ["train", "test"] for axis in "xy"]
    formats.demand(all(name in arrays for name in wanted), "an array is missing")
    members = {}
    for name in wanted:
        values, shape, (kind, size) = arrays[name]
        members[name] = formats.npy(values, shape, ("|" if size == 1 else "<") + kind + str(size))
    return formats.npz(members, False)


def clean_words(data):
    values, shape, kind = formats.read_npy(data)
    if kind[0] != "U":
        return formats.clean_npy(data)
    return formats.npy(values, shape, f"<U{max(1, *map(len, values))}")


def clean_lines(data):
    """Lines of text, without blank ones at the end."""
    text = formats.decoded(data)
    formats.demand("\0" not in text, "NUL")
    lines = [line.strip() for line in text.replace("\r\n", "\n").rstrip().split("\n")]
    formats.demand(all(lines), "blank line")
    return "".join(line + "\n" for line in lines).encode()


def all_kinds(base):
    """Every kind of input."""
    root = base.root
    convert = ["data", "convert", "data", "out.npz"]
    sets = [
        ("IDX images", "idx", "data/train-images-idx3-ubyte", clean_idx(3), damage.BINARY),
        ("IDX labels", "idx", "data/train-labels-idx1-ubyte", clean_idx(1), damage.BINARY),
        ("IDX images .gz", "idx_gz", "data/t10k-images-idx3-ubyte.gz", in_gzip(clean_idx(3)), damage.BINARY),
        ("IDX labels .gz", "idx_gz", "data/t10k-labels-idx1-ubyte.gz", in_gzip(clean_idx(1)), damage.BINARY),
        ("CSV of pixels", "csv", "data/x_train.csv", formats.clean_csv, damage.TEXT),
        ("CSV of labels", "csv", "data/y_train.csv", formats.clean_csv, damage.TEXT),
        ("CSV of both", "together", "data/train.csv", formats.clean_csv, damage.TEXT),
        ("CSV .gz", "csv_gz", "data/x_test.csv.gz", in_gzip(formats.clean_csv), damage.BINARY),
        ("NPY images", "npy", "data/x_train.npy", formats.clean_npy, damage.MIXED),
        ("NPY classes", "npy", "data/y_test.npy", formats.clean_npy, damage.MIXED),
        ("PNG", "png", "data/train/circle/0.png", formats.clean_png, damage.BINARY),
        ("JPEG", "jpeg", "data/train/circle/0.jpg", None, damage.BINARY),
    ]
    kinds = [Kind(name, root / folder, victim, convert, of_arrays, clean, ways) for name, folder, victim, clean, ways in sets]
    for name, folder in [("NPZ stored", "npz"), ("NPZ deflated", "deflated")]:
        kinds.append(Kind(name, root / folder, "data.npz", ["data", "convert", "data.npz", "out.npz"], of_arrays, clean_npz, damage.MIXED))
    for form in ["f4", "f8", "f2", "u1", "i4"]:
        args = ["embed", "x.npy", "--method", "pca", "--out", "out"]
        outcome = of_tree("out/embeddings", "out/map.safetensors")
        kinds.append(Kind(f"NPY matrix {form}", root / f"points_{form}", "x.npy", args, outcome, formats.clean_npy, damage.MIXED))
    kinds += of_points(base) + of_models(base)
    return kinds


def of_points(base):
    """Matrices, labels, starts, neighbours and maps."""
    points = base.points
    evaluate = lambda labels: ["evaluate", "--train", "x.npy", "--labels", labels]
    kinds = [
        Kind("NPY labels", points, "y.npy", evaluate("y.npy"), of_text, formats.clean_npy, damage.MIXED),
        Kind("NPY labels of words", points, "words.npy", evaluate("words.npy"), of_text, clean_words, damage.MIXED),
        Kind("CSV labels", points, "y.csv", evaluate("y.csv"), of_text, clean_lines, damage.TEXT),
        Kind("text labels of words", points, "words.txt", evaluate("words.txt"), of_text, clean_lines, damage.TEXT),
    ]
    tsne = ["embed", "x.npy", "--method", "tsne", *MAP, "--out", "out"]
    tree = of_tree("out/embeddings")
    kinds.append(Kind("NPY start", points, "init.npy", [*tsne, "--init", "init.npy"], tree, formats.clean_npy, damage.MIXED))
    near = "embedded/" + next(str(path.relative_to(points / "embedded")) for path in (points / "embedded").rglob("*.safetensors") if "neighb" in str(path))
    kinds.append(Kind("neighbours", points, near, [*tsne, "--neighbors", near], tree, formats.clean_safetensors, damage.MIXED))
    saved = "embedded/" + next(str(path.relative_to(points / "embedded")) for path in (points / "embedded").rglob("*.safetensors") if "map" in path.name)
    place = ["transform", saved, "--train", "x.npy", "--new", "new.npy", "--places", "places.npy"]
    kinds.append(Kind("map", points, saved, place, of_file("places.npy"), formats.clean_safetensors, damage.MIXED))
    kinds.append(Kind("points of a map", points, "x.npy", place, of_file("places.npy"), None, damage.MIXED, sealed=True))
    page = ["report", "--embedding", "map.npy", "--labels", "words.txt", "--class-names", "names.txt", "--images", "pictures.idx", "--space", "x.npy", "--out", "page.html"]
    for name, victim, clean, ways in [
        ("page: map", "map.npy", formats.clean_npy, damage.MIXED),
        ("page: labels", "words.txt", clean_lines, damage.TEXT),
        ("page: class names", "names.txt", clean_lines, damage.TEXT),
        ("page: images", "pictures.idx", clean_idx(3), damage.BINARY),
    ]:
        kinds.append(Kind(name, points, victim, page, of_page, clean, ways))
    csv = [arg.replace("map.npy", "map.csv") for arg in page]
    kinds.append(Kind("page: map as CSV", points, "map.csv", csv, of_page, formats.clean_csv, damage.TEXT))
    gallery = ["cluster", "x.npy", "--n-clusters", "3", "--images", "pictures.idx", "--map", "map.npy", "--out", "out"]
    kinds.append(Kind("gallery", points, "pictures.idx", gallery, of_tree("out/clusters", "out/figures"), clean_idx(3), damage.BINARY))
    return kinds


def of_models(base):
    """Models, groups of classes, weights, checkpoints, layers, and the files of a run."""
    root = base.root
    kinds = [Kind("model TOML", root / "model", "model.toml", ["model", "show", "model.toml"], of_text, formats.clean_toml, damage.TEXT)]
    for folder, victim, clean in [("groups_toml", "groups.toml", formats.clean_toml), ("groups_csv", "groups.csv", formats.clean_groups)]:
        args = ["data", "info", "data", "--label-groups", victim]
        kinds.append(Kind(victim, root / folder, victim, args, of_text_without(victim), clean, damage.TEXT))
    trained = root / "trained"
    weights = "first/model/weights.safetensors"
    look = ["run", "--dataset", "data", "--model", weights, "--methods", "pca", "--out", "out"]
    tree = of_tree("out/activations", "out/embeddings", "out/scores")
    kinds.append(Kind("weights", trained, weights, look, tree, formats.clean_safetensors, damage.MIXED))
    checkpoint = str(next(trained.rglob("epoch_01.safetensors")).relative_to(trained))
    on = ["train", "--dataset", "data", "--epochs", "2", "--hidden", "8", "--resume-from", checkpoint, "--out", "out"]
    model = of_tree("out/model")
    kinds.append(Kind("checkpoint", trained, checkpoint, on, model, formats.clean_safetensors, damage.MIXED))
    layers = ["run", "--from-activations", "layers", "--methods", "pca", "--out", "out"]
    first = sorted(path.name for path in (root / "layers/layers").glob("layer_1_train.npy"))[0]
    for victim, clean, ways in [
        (first, formats.clean_npy, damage.MIXED),
        ("labels_train.npy", formats.clean_npy, damage.MIXED),
        ("class_names.txt", clean_lines, damage.TEXT),
        ("layers.txt", clean_lines, damage.TEXT),
    ]:
        kinds.append(Kind(f"layers: {victim}", root / "layers", f"layers/{victim}", layers, tree, clean, ways))
    run = root / "run"
    manifest = "out/manifest.json"
    page = ["report", "out", "--out", "page.html"]
    kinds.append(Kind("manifest: page", run, manifest, page, of_page, formats.clean_json, damage.TEXT))
    kinds.append(Kind("manifest: resume", run, manifest, [*RUN, "--resume"], of_tree("out/embeddings", "out/model"), formats.clean_json, damage.TEXT))
    files = json.loads((run / manifest).read_text())["outputs"]
    kept = [output["path"] for output in files if Path(output["path"]).suffix in (".npy", ".safetensors", ".csv", ".txt")]
    for victim in kept[:: max(1, len(kept) // 8)]:
        ways = damage.MIXED if not victim.endswith((".csv", ".txt")) else damage.TEXT
        export = ["export", "out", "--format", "tensorboard", "--out", "exported"]
        # A stage that is done again restores its file; what a page or an export does not read, it need not judge.
        for name, args, outcome in [
            ("resume", [*RUN, "--resume"], of_file(f"out/{victim}")),
            ("page", page, of_page),
            ("export", export, of_tree("exported")),
        ]:
            kinds.append(Kind(f"{name}: {victim}", run, f"out/{victim}", args, outcome, None, ways, sealed=True))
    return kinds
