//! Recognition of a header in the first line.
//!
//! pandas writes the names of columns, or their numbers if they have no names: `0,1,...,783` over
//! pixels, `0` over labels. Such a line differs from data by features that no image has: a count
//! over all its columns, or a number above 255; and over labels, by the counts of rows. A line of
//! mixed content is data with an error, not a header.

use super::parse::byte;
use crate::dataset::ImageShape;
use crate::dataset::columns::is_label;

/// Kind of the first line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// Names, or a count that goes beyond 255: certainly a header, with these names.
    Header(Vec<String>),
    /// A count 0, 1, 2, ... or 1, 2, 3, ... that could be data too.
    Count(Vec<u8>),
    /// Data.
    Data(Vec<u8>),
    /// Neither; with the first faulty column, from 1, and its content.
    Flaw(usize, String),
}

impl First {
    pub fn new(fields: Vec<String>) -> Self {
        let unquoted: Vec<&str> = fields.iter().map(|field| unquoted(field)).collect();
        let numbers: Vec<Option<i64>> = unquoted.iter().map(|field| field.parse().ok()).collect();
        let named = |at: usize| numbers[at].is_none() && unquoted[at].parse::<f64>().is_err();
        let counted: Vec<i64> = numbers.iter().flatten().copied().collect();
        let counts = counted.windows(2).all(|pair| pair[1] == pair[0] + 1)
            && counted.first().is_none_or(|&n| n == 0 || n == 1);
        let any_name = (0..fields.len()).any(named);
        let only_these = (0..fields.len()).all(|at| numbers[at].is_some() || named(at));
        let bad = fields.iter().position(|field| byte(field.as_bytes()).is_none());
        let labelled = unquoted.iter().any(|field| is_label(field));
        if only_these && (labelled || (counts && (counted.len() != 1 || any_name))) && bad.is_some()
        {
            return Self::Header(unquoted.into_iter().map(Into::into).collect());
        }
        if let Some(column) = bad {
            return Self::Flaw(column + 1, fields[column].clone());
        }
        let values = bytes(&fields);
        if counts && counted.len() == fields.len() && (values.len() > 1 || values == [0]) {
            Self::Count(values)
        } else {
            Self::Data(values)
        }
    }

    /// The line as data, whatever it looks like.
    pub fn as_data(fields: Vec<String>) -> Self {
        match fields.iter().position(|field| byte(field.as_bytes()).is_none()) {
            Some(column) => Self::Flaw(column + 1, fields[column].clone()),
            None => Self::Data(bytes(&fields)),
        }
    }
}

fn bytes(fields: &[String]) -> Vec<u8> {
    fields.iter().flat_map(|field| byte(field.as_bytes())).collect()
}

fn unquoted(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).unwrap_or(field)
}

/// Shape of the images whose pixels these names number by row and column, from `1x1` on.
pub(super) fn shape_of(names: &[&str]) -> Option<ImageShape> {
    let shape: ImageShape = names.last()?.parse().ok()?;
    let place = |at: usize| format!("{}x{}", at / shape.width + 1, at % shape.width + 1);
    let fits = shape.n_pixels() == Some(names.len())
        && names.iter().enumerate().all(|(at, name)| *name == place(at));
    fits.then_some(shape)
}

/// Column of the labels according to a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LabelColumnHint {
    /// Column with the labels, from 0.
    Column(usize),
    /// Several columns whose names allow labels, from 0.
    Several(Vec<usize>),
    /// Not given by the header.
    Nothing,
}

/// Columns, from 0, with a usual name of labels.
pub(super) fn called_labels(names: &[String]) -> Vec<usize> {
    (0..names.len()).filter(|&at| is_label(&names[at])).collect()
}

/// Column of the labels by the names of the columns: one of the usual names, or otherwise the one
/// name that differs from all the others, ignoring digits.
pub(super) fn label_column(names: &[String]) -> LabelColumnHint {
    let called = called_labels(names);
    match called[..] {
        [column] => LabelColumnHint::Column(column),
        [] => odd_one(names).map_or(LabelColumnHint::Nothing, LabelColumnHint::Column),
        _ => LabelColumnHint::Several(called),
    }
}

/// `true` if a column has a usual name for row numbers, or none, as pandas writes them.
pub(super) fn is_index(name: &str) -> bool {
    name.trim().is_empty() || ["id", "index", "row", "unnamed: "].contains(&kind(name).as_str())
}

/// Name in lower case, without the digits that number columns.
fn kind(name: &str) -> String {
    name.trim().to_lowercase().replace(|letter: char| letter.is_ascii_digit(), "")
}

/// The one column whose name differs from those of the others, of which there are at least two. A
/// column that numbers rows, or has a number as its name, is not accepted.
fn odd_one(names: &[String]) -> Option<usize> {
    let kinds: Vec<String> = names.iter().map(|name| kind(name)).collect();
    let (first, last) = (kinds.first()?, kinds.last()?);
    let middle = kinds.get(1..kinds.len() - 1).filter(|middle| !middle.is_empty())?;
    // If it is in the middle, the first and the last have the same kind.
    let usual = if first == last || middle.contains(last) { last } else { first };
    let mut odd = (0..kinds.len()).filter(|&at| kinds[at] != *usual);
    let column = odd.next().filter(|_| odd.next().is_none())?;
    (!kinds[column].is_empty() && !is_index(&names[column])).then_some(column)
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
        for header in [
            "label",
            "a,b,c",
            "label,pixel1,pixel2",
            "\"label\",\"1x1\"",
            "label,0,1,2",
            "0,1,label,3",
            ",0,1,2",
            &count(784),
        ] {
            assert!(matches!(first(header), First::Header(_)), "{header}: {:?}", first(header));
        }
        assert!(matches!(first(&format!("{},label", count(9))), First::Header(_)));
        for data in ["5", "7,7,7", "0,0,0,0", "3,4,5", "0,1,2,4", "0.0,1.0,2.0", "0.0"] {
            assert!(matches!(first(data), First::Data(_)), "{data}");
        }
        assert_eq!(first(&count(256)), First::Count((0..=255).collect()));
        assert_eq!(first("0"), First::Count(vec![0]));
        assert_eq!(first("1,2,3,4"), First::Count(vec![1, 2, 3, 4]));
        for (line, column, found) in [
            ("0,0,a,5", 3, "a"),
            ("0,0.1,0.2", 2, "0.1"),
            ("-1", 1, "-1"),
            ("256", 1, "256"),
            ("0,300,7", 2, "300"),
        ] {
            assert_eq!(first(line), First::Flaw(column, found.into()), "{line}");
        }
        assert_eq!(First::as_data(vec!["label".into()]), First::Flaw(1, "label".into()));
    }

    fn names(line: &str) -> Vec<String> {
        line.split(',').map(Into::into).collect()
    }

    #[test]
    fn the_column_of_labels_is_told_by_its_name() {
        for (line, column) in [
            ("label,a,b", 0),
            ("a,Label,b", 1),
            ("a,b,LABELS", 2),
            ("a,b,digit", 2),
            ("p1,p2,Class,p3", 2),
            ("pixel0,pixel1,pixel2,kind", 3),
            ("kind,1x1,1x2", 0),
            ("p1,kind,p2,p3", 1),
            (",p1,p2,y", 3),
        ] {
            assert_eq!(label_column(&names(line)), LabelColumnHint::Column(column), "{line}");
        }
        assert_eq!(label_column(&names("label,a,b,class")), LabelColumnHint::Several(vec![0, 3]));
        for line in
            ["a,b,c", "0,1,2,3", "p1,p2,p3", ",p1,p2,p3", "id,p1,p2,p3", "p1,p2", "kind,sort,p1,p2"]
        {
            assert_eq!(label_column(&names(line)), LabelColumnHint::Nothing, "{line}");
        }
    }

    #[test]
    fn rows_and_columns_in_names_tell_the_shape() {
        let shape = |names: &[&str]| shape_of(names).map(|shape| (shape.height, shape.width));
        assert_eq!(shape(&["1x1", "1x2", "1x3", "2x1", "2x2", "2x3"]), Some((2, 3)));
        assert_eq!(shape(&["1x1", "2x1", "1x2", "2x2", "1x3", "2x3"]), None);
        assert_eq!(shape(&["1x1", "1x2", "2x1"]), None);
        assert_eq!(shape(&["0", "1"]), None);
    }
}
