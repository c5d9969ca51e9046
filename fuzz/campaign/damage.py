"""Ways to damage a file, each drawn from a seeded generator."""

import re
import struct

HUGE = ["99999999999999999999", "4294967296", "2147483648", "65536", "256", "-1", "1e400", "nan", "inf", "0.5", "1.0", "", "0"]


def truncate(rng, data):
    return data[: rng.randrange(len(data))]


def flip_bits(rng, data):
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 8])):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def flip_head(rng, data):
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2])):
        out[rng.randrange(min(len(out), 128))] ^= 1 << rng.randrange(8)
    return bytes(out)


def insert(rng, data):
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.choice([1, 1, 2, 8, 64])) + data[at:]


def delete(rng, data):
    at = rng.randrange(len(data))
    return data[:at] + data[at + rng.choice([1, 1, 2, 8, 64]) :]


def swap_blocks(rng, data):
    size = rng.choice([1, 4, 16, 64])
    if len(data) < 2 * size:
        return data[::-1]
    a = rng.randrange(len(data) - 2 * size + 1)
    b = rng.randrange(a + size, len(data) - size + 1)
    return data[:a] + data[b : b + size] + data[a + size : b] + data[a : a + size] + data[b + size :]


def repeat_block(rng, data):
    at, size = rng.randrange(len(data)), rng.choice([1, 4, 16, 64, 512])
    return data[: at + size] + data[at : at + size] + data[at + size :]


def zero_block(rng, data):
    at, size = rng.randrange(len(data)), rng.choice([1, 4, 16, 64, 512])
    end = min(at + size, len(data))
    return data[:at] + bytes(end - at) + data[end:]


def nul(rng, data):
    at = rng.randrange(len(data) + 1)
    return data[:at] + b"\0" + data[at:]


def append(rng, data):
    return data + rng.choice([b"\0", b"\n", b" ", b"x", rng.randbytes(16), data])


def bom(_, data):
    return b"\xef\xbb\xbf" + data


def utf16(_, data):
    return data.decode("latin-1").encode("utf-16")


def crlf(_, data):
    return data.replace(b"\n", b"\r\n")


def cr(_, data):
    return data.replace(b"\n", b"\r")


def empty(rng, _):
    return rng.choice([b"", b"\n", b"\r\n", b" ", b"\0"])


def huge_count(rng, data):
    """A 32- or 64-bit number near the beginning becomes a large one, in either byte order."""
    value = rng.choice([0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x10000, 0xFFFFFFFFFFFFFFFF, 0x4000000000000000, 0])
    form = rng.choice(["<I", ">I", "<Q", ">Q"])
    word = struct.pack(form, value & (0xFFFFFFFF if form[1] == "I" else 0xFFFFFFFFFFFFFFFF))
    at = rng.choice([0, 4, 8, 12, 16, rng.randrange(64)])
    return data[:at] + word + data[at + len(word) :]


def edit_number(rng, data):
    """A number that stands as text becomes another one."""
    found = list(re.finditer(rb"-?\d+(\.\d+)?", data))
    if not found:
        return insert(rng, data)
    # Those in headers and descriptions at the beginning are the more telling ones.
    match = found[rng.randrange(min(len(found), 12))] if rng.random() < 0.5 else rng.choice(found)
    new = rng.choice(HUGE + [str(int(match.group().split(b".")[0]) + rng.choice([-1, 1, 10]))])
    return data[: match.start()] + new.encode() + data[match.end() :]


def edit_word(rng, data):
    """A word that stands as text is lost, doubled, renamed, or changes its case."""
    found = list(re.finditer(rb"[A-Za-z_]{2,}", data))
    if not found:
        return flip_bits(rng, data)
    match = found[rng.randrange(min(len(found), 20))] if rng.random() < 0.7 else rng.choice(found)
    word = match.group()
    other = rng.choice(found).group()
    new = rng.choice([b"", word + word, word.upper(), word[:-1], other, b"\xc3\xa9\xff", b"null", b"true"])
    return data[: match.start()] + new + data[match.end() :]


def drop_line(rng, data):
    lines = data.split(b"\n")
    del lines[rng.randrange(len(lines))]
    return b"\n".join(lines)


def blank_line(rng, data):
    lines = data.split(b"\n")
    lines.insert(rng.choice([0, rng.randrange(len(lines) + 1)]), rng.choice([b"", b"\r", b" ", b","]))
    return b"\n".join(lines)


def swap_lines(rng, data):
    lines = data.split(b"\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"\n".join(lines)


def separators(rng, data):
    return data.replace(b",", rng.choice([b";", b"\t", b", ", b" "]))


def quotes(rng, data):
    at = rng.randrange(len(data) + 1)
    return data[:at] + b'"' + data[at:]


BINARY = [truncate, flip_bits, flip_bits, flip_head, flip_head, insert, delete, swap_blocks, repeat_block, zero_block, nul, append]
BINARY += [bom, crlf, empty, huge_count, huge_count]
TEXT = [truncate, flip_bits, insert, delete, swap_blocks, repeat_block, nul, append, bom, utf16, crlf, cr, empty]
TEXT += [edit_number, edit_number, edit_number, edit_word, edit_word, drop_line, blank_line, swap_lines, separators, quotes]
# Text at the beginning, bytes behind it: .npy and .safetensors.
MIXED = BINARY + [edit_number, edit_number, edit_number, edit_word, edit_word]


def damaged(rng, data, ways):
    """`data` with one damage, now and then two; its name and the bytes, which differ from `data`."""
    while True:
        names, out = [], data
        for _ in range(1 if rng.random() < 0.85 else 2):
            way = rng.choice(ways)
            names.append(way.__name__)
            out = way(rng, out) if out else b"\0"
        if out != data:
            return "+".join(names), out
