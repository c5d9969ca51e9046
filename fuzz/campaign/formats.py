"""Small inputs of every kind, and readers that know nothing of the program.

A reader here raises `Invalid` where a file is damaged, and otherwise gives its content, from which a clean file is written: what
the program makes of the damaged file must be what it makes of the clean one.
"""

import ast
import base64
import gzip
import io
import json
import math
import struct
import tomllib
import zipfile
import zlib


class Invalid(Exception):
    """The file is no whole file of its kind."""


def demand(condition, what):
    if not condition:
        raise Invalid(what)


# --- Arrays -----------------------------------------------------------------------------------------------------------------

CODES = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q"}


def npy(values, shape, descr="<f4"):
    """A .npy file in C order."""
    head = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }" % (descr, repr(tuple(shape)))
    head = head.encode().ljust((len(head) + 11 + 63) // 64 * 64 - 11) + b"\n"
    if descr[1] == "U":
        body = b"".join(value.encode("utf-32-le").ljust(4 * int(descr[2:]), b"\0") for value in values)
    else:
        body = struct.pack(("<" if descr[0] == "|" else descr[0]) + str(len(values)) + CODES[descr[1:]], *values)
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + body


def read_npy(data):
    """Values in C order, shape, and type as (kind, size)."""
    demand(data[:6] == b"\x93NUMPY" and len(data) >= 10, "magic")
    demand((data[6], data[7]) in [(1, 0), (2, 0), (3, 0)], "version")
    size = 2 if data[6] == 1 else 4
    start = 8 + size + int.from_bytes(data[8 : 8 + size], "little")
    demand(start <= len(data), "header cut")
    try:
        text = data[8 + size : start].decode("utf-8" if data[6] == 3 else "latin-1")
        head = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
        raise Invalid(error) from error
    demand(isinstance(head, dict) and set(head) == {"descr", "fortran_order", "shape"}, "keys")
    descr, fortran, shape = head["descr"], head["fortran_order"], head["shape"]
    demand(isinstance(descr, str) and isinstance(fortran, bool) and isinstance(shape, tuple), "types")
    demand(all(isinstance(dim, int) and not isinstance(dim, bool) and dim >= 0 for dim in shape), "shape")
    order, code = (descr[0], descr[1:]) if descr[:1] in list("<>|=") else ("=", descr)
    n, body = math.prod(shape), data[start:]
    if code[:1] == "U" and code[1:].isdigit():
        width = 4 * int(code[1:])
        demand(len(body) == n * width, "length")
        form = "utf-32-be" if order == ">" else "utf-32-le"
        try:
            values = [body[i * width : (i + 1) * width].decode(form).rstrip("\0") for i in range(n)]
        except UnicodeDecodeError as error:
            raise Invalid(error) from error
        return values, shape, ("U", int(code[1:]))
    demand(code in CODES, "type")
    demand(len(body) == n * int(code[1:]), "length")
    values = struct.unpack((">" if order == ">" else "<") + str(n) + CODES[code], body)
    if fortran and len(shape) > 1:
        values = to_c_order(values, shape)
    return list(values), shape, (code[0], int(code[1:]))


def to_c_order(values, shape):
    strides = [math.prod(shape[:axis]) for axis in range(len(shape))]
    out = []
    for at in range(len(values)):
        place, rest = 0, at
        for dim, stride in zip(reversed(shape), reversed(strides)):
            place, rest = place + rest % dim * stride, rest // dim
        out.append(values[place])
    return out


def clean_npy(data):
    values, shape, (kind, size) = read_npy(data)
    return npy(values, shape, ("|" if size == 1 else "<") + kind + str(size))


# --- Images -----------------------------------------------------------------------------------------------------------------


def idx(shape, values):
    magic = 0x800 + len(shape)
    return struct.pack(">" + "I" * (1 + len(shape)), magic, *shape) + bytes(values)


# Types of IDX values, by the third byte of the file.
IDX_CODES = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}


def read_idx(data, dims):
    """Shape and bytes: pixels of three dimensions, or labels of one."""
    demand(len(data) >= 4 + 4 * dims, "header cut")
    demand(data[:2] == b"\0\0" and data[2] in IDX_CODES and data[3] == dims, "magic")
    shape = struct.unpack(">" + "I" * dims, data[4 : 4 + 4 * dims])
    body, code = data[4 + 4 * dims :], IDX_CODES[data[2]]
    n = math.prod(shape)
    demand(len(body) == n * struct.calcsize(code) and n > 0, "length")
    values = struct.unpack(f">{n}{code}", body)
    if dims == 3 and code in "fd" and all(0 <= value <= 1 for value in values):
        return shape, bytes(math.floor(value * 255 + 0.5) for value in values)
    demand(all(0 <= value <= 255 and value == int(value) for value in values), "no byte")
    return shape, bytes(map(int, values))


def unzipped(data):
    """The content of a gzip file."""
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise Invalid(error) from error


def zipped(data):
    return gzip.compress(data, mtime=0)


def read_npz(data):
    """The four arrays of an archive, or those of them that it has."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            demand(len(names) == len(set(names)), "a name twice")
            return {name: read_npy(archive.read(name)) for name in names}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, struct.error) as error:
        raise Invalid(error) from error


def npz(arrays, compress):
    out = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, array in arrays.items():
            archive.writestr(zipfile.ZipInfo(name), array, method)
    return out.getvalue()


def png(rows):
    """Grey, 8 bits."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    size = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


# 12 x 12 grey values, a slope with noise, by libjpeg-turbo's cjpeg at quality 70.
JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAoHBwgHBgoICAgLCgoLDhgQDg0NDh0VFhEYIx8lJCIfIiEmKzcvJik0KSEiMEExNDk7Pj4+JS5ESU"
    "M8SDc9Pjv/wAALCAAMAAwBAREA/8QAFQABAQAAAAAAAAAAAAAAAAAABwX/xAAfEAACAQMFAQAAAAAAAAAAAAABAgMABQYEITFBURH/2gAIAQEA"
    "AD8AjYVaQUj285HdNVstypoYwV+be0fYbBGDEAo6pVVQqhRwK//Z"
)


def clean_png(data):
    """A grey image of 8 bits as it would be written here; other kinds of PNG do not come of damage, by their checksums."""
    demand(data[:8] == b"\x89PNG\r\n\x1a\n", "magic")
    at, body, head = 8, b"", None
    while True:
        demand(at + 12 <= len(data), "cut")
        size = struct.unpack(">I", data[at : at + 4])[0]
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        demand(len(content) == size and at + 12 + size <= len(data), "cut")
        demand(data[at + 8 + size : at + 12 + size] == struct.pack(">I", zlib.crc32(kind + content)), "checksum")
        at += 12 + size
        if kind == b"IHDR":
            demand(head is None and size == 13, "two heads")
            head = struct.unpack(">IIBBBBB", content)
        elif kind == b"IDAT":
            body += content
        elif kind == b"IEND":
            break
    demand(head is not None and head[2:] == (8, 0, 0, 0, 0), "another kind")
    width, height = head[:2]
    try:
        raw = zlib.decompress(body)
    except zlib.error as error:
        raise Invalid(error) from error
    demand(len(raw) == height * (width + 1) and not any(raw[:: width + 1]), "rows")
    return png([raw[row * (width + 1) + 1 : (row + 1) * (width + 1)] for row in range(height)])


# --- Text -------------------------------------------------------------------------------------------------------------------


def decoded(data):
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Invalid(error) from error


def csv_rows(data):
    """Lines of fields; blank lines at the end do not count."""
    text = decoded(data)
    demand("\0" not in text, "NUL")
    lines = text.replace("\r\n", "\n").rstrip("\r\n").split("\n")
    rows = [[field.strip() for field in line.split(",")] for line in lines]
    demand(all(len(row) == len(rows[0]) for row in rows), "columns")
    demand(all(any(row) for row in rows), "blank line")
    return rows


def clean_csv(data):
    return "".join(",".join(row) + "\n" for row in csv_rows(data)).encode()


def clean_groups(data):
    """Blank lines change nothing here: each line names its class."""
    lines = decoded(data).replace("\r\n", "\n").split("\n")
    return clean_csv("\n".join(line for line in lines if line.strip()).encode())


def pixels_of(rows, n_columns):
    """The numbers of rows that all are whole numbers from 0 to 255."""
    values = []
    for row in rows:
        demand(len(row) == n_columns, "columns")
        for field in row:
            number = float(field.strip('"')) if field.strip('"') else math.nan
            demand(0 <= number <= 255 and number == int(number), field)
            values.append(int(number))
    return values


def toml_of(value):
    """TOML text of what `tomllib` gave."""

    def item(value):
        if isinstance(value, dict):
            return "{" + ", ".join(f"{json.dumps(key)} = {item(inner)}" for key, inner in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(item, value)) + "]"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float):
            return {"inf": "inf", "-inf": "-inf", "nan": "nan"}.get(repr(value), repr(value))
        return json.dumps(value) if isinstance(value, str) else str(value)

    text = "".join(f"{json.dumps(key)} = {item(inner)}\n" for key, inner in value.items() if not is_tables(inner) and not isinstance(inner, dict))
    for key, inner in value.items():
        if isinstance(inner, dict):
            text += f"[{json.dumps(key)}]\n" + toml_of(inner)
        elif is_tables(inner):
            text += "".join(f"[[{json.dumps(key)}]]\n" + toml_of(table) for table in inner)
    return text


def is_tables(value):
    return isinstance(value, list) and value != [] and all(isinstance(inner, dict) for inner in value)


def clean_toml(data):
    try:
        return toml_of(tomllib.loads(decoded(data))).encode()
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise Invalid(error) from error


def read_json(text):
    def constant(name):
        raise Invalid(name)

    try:
        return json.loads(text, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise Invalid(error) from error


def clean_json(data):
    try:
        return json.dumps(read_json(data.decode("utf-8")), indent=2).encode()
    except UnicodeDecodeError as error:
        raise Invalid(error) from error


# --- Tensors ----------------------------------------------------------------------------------------------------------------

WIDTHS = {"F32": 4, "U32": 4}


def clean_safetensors(data):
    """The same tensors and metadata, laid out anew."""
    demand(len(data) >= 8, "cut")
    end = 8 + struct.unpack("<Q", data[:8])[0]
    demand(end <= len(data), "cut")
    try:
        head = read_json(data[8:end].decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Invalid(error) from error
    demand(isinstance(head, dict), "head")
    body, parts, at = data[end:], {}, 0
    metadata = head.pop("__metadata__", None)
    demand(metadata is None or all(isinstance(value, str) for value in metadata.values()), "metadata")
    try:
        for name, about in sorted(head.items(), key=lambda pair: pair[1]["data_offsets"]):
            start, stop = about["data_offsets"]
            demand(start == at and stop <= len(body) and set(about) == {"dtype", "shape", "data_offsets"}, "offsets")
            demand(stop - start == math.prod(about["shape"]) * WIDTHS[about["dtype"]], "length")
            parts[name], at = (about, body[start:stop]), stop
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid(error) from error
    demand(at == len(body), "offsets")
    new, out = ({} if metadata is None else {"__metadata__": metadata}), b""
    for name in sorted(parts):
        about, values = parts[name]
        new[name] = {**about, "data_offsets": [len(out), len(out) + len(values)]}
        out += values
    text = json.dumps(new, ensure_ascii=False).encode()
    text = text.ljust((len(text) + 7) // 8 * 8)
    return struct.pack("<Q", len(text)) + text + out
