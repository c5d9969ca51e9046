//! Fast parser for lines of small integers.
//!
//! A number of up to three digits and the separator after it fit a 32-bit word: a word is loaded,
//! its first byte that is not a digit is found without a branch, and the digits are weighted. The
//! loop accepts only lines of such numbers. Any other line is parsed again, slowly: its numbers may
//! have a decimal point followed by zeros, `7.0`, as pandas writes them, or the error is
//! determined.

/// Number of arbitrary bytes that must follow the last line of a text, because whole words are
/// loaded.
pub(super) const PADDING: usize = 4;

/// An error in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Index of the line in the text, from 0.
    pub line: usize,
    /// Expected and actual content.
    pub what: Wrong,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// A number of columns that differs from that of the other lines.
    Columns(usize),
    /// A column, from 1, that is not an integer from 0 to 255, and its content.
    Value(usize, String),
}

/// Values of the lines in `text[..end]`. Each line has `columns` integers from 0 to 255 separated
/// by commas and ends with a line feed, before which a carriage return may stand. At least
/// [`PADDING`] bytes must follow.
pub(super) fn parse_lines(text: &[u8], end: usize, columns: usize) -> Result<Vec<u8>, Flaw> {
    let mut values = Vec::with_capacity(end / 2);
    let mut start = 0;
    while start < end {
        let before = values.len();
        if let Some(next) = parse_line(text, start, columns, &mut values) {
            start = next;
            continue;
        }
        values.truncate(before);
        match parse_slowly(&text[start..end], columns, &mut values) {
            Some(length) => start += length,
            None => {
                return Err(Flaw {
                    line: before / columns,
                    what: diagnose(&text[start..end], columns),
                });
            }
        }
    }
    Ok(values)
}

/// Appends the values of the line at `start` and returns the position after it; `None` if the line
/// has another form.
#[inline]
fn parse_line(text: &[u8], start: usize, columns: usize, values: &mut Vec<u8>) -> Option<usize> {
    let mut at = start;
    for column in 1..=columns {
        let word = u32::from_le_bytes(text.get(at..at + PADDING)?.try_into().ok()?);
        // Digits become 0 to 9; the high bit of a byte of `others` is set where there is none.
        let digits = word ^ 0x3030_3030;
        let others = (((digits & 0x7f7f_7f7f) + 0x7676_7676) | digits) & 0x8080_8080;
        let length = others.trailing_zeros() / 8;
        if !(1..=3).contains(&length) {
            return None;
        }
        // The last digit in the highest byte, zeros below the first digit.
        let weighed = digits << (32 - 8 * length);
        let value = (weighed >> 24) + 10 * ((weighed >> 16) & 0xff) + 100 * ((weighed >> 8) & 0xff);
        values.push(u8::try_from(value).ok()?);
        at += length as usize;
        let separator = text[at];
        at += 1;
        if column < columns {
            if separator != b',' {
                return None;
            }
        } else if separator == b'\r' && text[at] == b'\n' {
            at += 1;
        } else if separator != b'\n' {
            return None;
        }
    }
    Some(at)
}

/// Appends the values of the first line of `text`, with or without a decimal point and zeros, and
/// returns its length including its end.
fn parse_slowly(text: &[u8], columns: usize, values: &mut Vec<u8>) -> Option<usize> {
    let line = first_line(text);
    let before = values.len();
    for field in line.split(|&byte| byte == b',') {
        values.push(byte(field)?);
    }
    let length = memchr::memchr(b'\n', text).map_or(text.len(), |end| end + 1);
    (values.len() - before == columns).then_some(length)
}

/// Error in the first line of `text`.
fn diagnose(text: &[u8], columns: usize) -> Wrong {
    let fields = fields(first_line(text));
    let bad = fields.iter().position(|field| byte(field.as_bytes()).is_none());
    match bad {
        _ if fields.len() != columns => Wrong::Columns(fields.len()),
        Some(column) => Wrong::Value(column + 1, short(&fields[column])),
        // For example a carriage return within the line.
        None => Wrong::Value(columns, short(fields.last().map_or("", String::as_str))),
    }
}

/// The line without its end.
pub(super) fn first_line(text: &[u8]) -> &[u8] {
    let line = memchr::memchr(b'\n', text).map_or(text, |end| &text[..end]);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Texts between the commas; an empty line has no fields.
pub(super) fn fields(line: &[u8]) -> Vec<String> {
    if line.is_empty() {
        return Vec::new();
    }
    line.split(|&byte| byte == b',')
        .map(|field| String::from_utf8_lossy(field).into_owned())
        .collect()
}

/// Number in a field, if the parser accepts it: up to three digits, at most 255, optionally
/// followed by a decimal point and zeros.
pub(super) fn byte(field: &[u8]) -> Option<u8> {
    let digits = field.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(field.len());
    let (whole, rest) = field.split_at(digits);
    let is_whole =
        rest.is_empty() || (rest[0] == b'.' && rest[1..].iter().all(|&byte| byte == b'0'));
    if !(1..=3).contains(&digits) || !is_whole {
        return None;
    }
    u8::try_from(whole.iter().fold(0_u32, |value, &digit| 10 * value + u32::from(digit - b'0')))
        .ok()
}

/// The field, shortened to its beginning.
fn short(field: &str) -> String {
    const MOST: usize = 24;
    if field.chars().count() <= MOST {
        return field.into();
    }
    field.chars().take(MOST).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, columns: usize) -> Result<Vec<u8>, Flaw> {
        parse_lines(format!("{text}\0\0\0\0").as_bytes(), text.len(), columns)
    }

    #[test]
    fn every_byte_is_read_in_every_place() {
        let all: Vec<u8> = (0..=255).collect();
        let text: Vec<String> = all.iter().map(u8::to_string).collect();
        for columns in [1, 2, 16, 256] {
            let lines: String = text.chunks(columns).map(|line| line.join(",") + "\n").collect();
            assert_eq!(parse(&lines, columns).as_ref(), Ok(&all));
            assert_eq!(parse(&lines.replace('\n', "\r\n"), columns).as_ref(), Ok(&all));
        }
        assert_eq!(parse("007,00\n", 2), Ok(vec![7, 0]));
        assert_eq!(
            parse("7.0,255.,0.00\n1,2,3\r\n4,5.0,6\r\n", 3),
            Ok(vec![7, 255, 0, 1, 2, 3, 4, 5, 6])
        );
    }

    #[test]
    fn bad_lines_are_told_apart() {
        let value = |line, column, found: &str| {
            Err(Flaw { line, what: Wrong::Value(column, found.into()) })
        };
        let width = |line, columns| Err(Flaw { line, what: Wrong::Columns(columns) });
        for found in [
            "256", "999", "-1", "+1", "1.5", "1.01", "256.0", ".0", "1.0.0", "a", "", " 1", "1 ",
            "0001", "1e2", "\"1\"", "\u{661}", "1\r",
        ] {
            assert_eq!(parse(&format!("1,2,3\n4,{found},6\n"), 3), value(1, 2, found), "{found}");
            assert_eq!(parse(&format!("{found},2,3\n"), 3), value(0, 1, found), "{found}");
            // A carriage return at the end of a line belongs to its end.
            if !found.ends_with('\r') {
                assert_eq!(parse(&format!("1,2,{found}\n"), 3), value(0, 3, found), "{found}");
            }
        }
        assert_eq!(parse("1,2,3\n4,5\n", 3), width(1, 2));
        assert_eq!(parse("1,2,3,4\n", 3), width(0, 4));
        assert_eq!(parse("1,2,3,\n", 3), width(0, 4));
        assert_eq!(parse("1,2,3\n\n4,5,6\n", 3), width(1, 0));
        assert_eq!(parse("1;2;3\n", 3), width(0, 1));
        assert_eq!(
            parse("123456789012345678901234567890\n", 1),
            value(0, 1, "123456789012345678901234...")
        );
    }
}
