//! Whether a first line is a header.
//!
//! pandas writes the names of columns, and where they have none their numbers: `0,1,...,783` over pixels, `0` over labels. Such
//! a line is told from data by what no image has, a count over all its columns or a number above 255, and, over labels, by the
//! counts of rows. A line of mixed content is data with a flaw, not a header.

use super::parse::is_byte;

/// The first line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// Names, or a count that goes beyond 255: surely a header, with these names.
    Header(Vec<String>),
    /// A count 0, 1, 2, ... or 1, 2, 3, ... that would do as data too.
    Count(Vec<u8>),
    /// Data.
    Data(Vec<u8>),
    /// Neither, with the first column, from 1, that is at fault.
    Flaw(usize, String),
}

impl First {
    pub fn new(fields: Vec<String>) -> Self {
        let unquoted: Vec<&str> = fields.iter().map(|field| unquoted(field)).collect();
        let numbers: Vec<Option<i64>> = unquoted.iter().map(|field| field.parse().ok()).collect();
        let named = |at: usize| numbers[at].is_none() && unquoted[at].parse::<f64>().is_err();
        let counted: Vec<i64> = numbers.iter().flatten().copied().collect();
        let counts = counted.windows(2).all(|pair| pair[1] == pair[0] + 1) && counted.first().is_none_or(|&n| n == 0 || n == 1);
        let any_name = (0..fields.len()).any(named);
        let only_these = (0..fields.len()).all(|at| numbers[at].is_some() || named(at));
        let bad = fields.iter().position(|field| !is_byte(field));
        if only_these && counts && (counted.len() != 1 || any_name) && bad.is_some() {
            return Self::Header(unquoted.into_iter().map(Into::into).collect());
        }
        if let Some(column) = bad {
            return Self::Flaw(column + 1, fields[column].clone());
        }
        let values: Vec<u8> = fields.iter().flat_map(|field| field.parse()).collect();
        if counts && (values.len() > 1 || values == [0]) { Self::Count(values) } else { Self::Data(values) }
    }

    /// The line as data, whatever it looks like.
    pub fn as_data(fields: Vec<String>) -> Self {
        match fields.iter().position(|field| !is_byte(field)) {
            Some(column) => Self::Flaw(column + 1, fields[column].clone()),
            None => Self::Data(fields.iter().flat_map(|field| field.parse()).collect()),
        }
    }
}

fn unquoted(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).unwrap_or(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(line: &str) -> First {
        First::new(line.split(',').map(Into::into).collect())
    }

    #[test]
    fn names_and_counts_are_headers_and_flawed_data_are_not() {
        let count = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
        for header in ["label", "a,b,c", "label,pixel1,pixel2", "\"label\",\"1x1\"", "label,0,1,2", ",0,1,2", &count(784)] {
            assert!(matches!(first(header), First::Header(_)), "{header}: {:?}", first(header));
        }
        assert!(matches!(first(&format!("{},label", count(9))), First::Header(_)));
        for data in ["5", "7,7,7", "0,0,0,0", "3,4,5", "0,1,2,4"] {
            assert!(matches!(first(data), First::Data(_)), "{data}");
        }
        assert_eq!(first(&count(256)), First::Count((0..=255).collect()));
        assert_eq!(first("0"), First::Count(vec![0]));
        assert_eq!(first("1,2,3,4"), First::Count(vec![1, 2, 3, 4]));
        for (line, column, found) in
            [("0,0,a,5", 3, "a"), ("0,0.1,0.2", 2, "0.1"), ("-1", 1, "-1"), ("256", 1, "256"), ("0,300,7", 2, "300")]
        {
            assert_eq!(first(line), First::Flaw(column, found.into()), "{line}");
        }
        assert_eq!(First::as_data(vec!["label".into()]), First::Flaw(1, "label".into()));
    }
}
