//! The parameters that methods declare are their fields, and each range is what is checked and
//! documented.

use crate::support::library;
use layerlens::error::{Error, Result};
use layerlens::parameters::{Parameter, Range};
use layerlens::{clustering, embedding};
use toml::{Table, Value};

/// Points and features of data that allow every declared range.
const SHAPE: (usize, usize) = (2000, 50);

type Check = Box<dyn Fn(&Table) -> Result<()>>;

/// A method of either registry.
struct Declared {
    name: &'static str,
    parameters: &'static [Parameter],
    defaults: Table,
    /// Makes the method and checks it.
    check: Check,
}

fn declared() -> Vec<Declared> {
    let of_maps = embedding::METHODS.iter().map(|method| Declared {
        name: method.name,
        parameters: method.parameters,
        defaults: (method.defaults)().expect("a table"),
        check: Box::new(|table| (method.build)(table)?.validate(SHAPE.0, SHAPE.1)),
    });
    let of_clusters = clustering::METHODS.iter().map(|method| Declared {
        name: method.name,
        parameters: method.parameters,
        defaults: (method.defaults)().expect("a table"),
        check: Box::new(|table| (method.build)(table)?.validate(SHAPE.0, SHAPE.1, None)),
    });
    of_maps.chain(of_clusters).collect()
}

/// The present value of a field, which a range ends at.
fn limit(method: &Declared, field: &str, less: f64) -> f64 {
    let value = &method.defaults[field];
    value.as_float().or(value.as_integer().map(|value| value as f64)).expect("a number") - less
}

/// Numbers at the ends of a range, and beyond them.
fn ends(method: &Declared, range: Range) -> (Vec<f64>, Vec<f64>) {
    match range {
        Range::Any | Range::OneOf(_) => (vec![], vec![]),
        Range::Between(least, most) => (vec![least, most], vec![least - 1.0, most + 1.0]),
        Range::HalfOpen(least, limit) => (vec![least], vec![least - 1.0, limit]),
        Range::AtLeast(least) => (vec![least], vec![least - 1.0]),
        Range::Above(limit) => (vec![limit + 1.0], vec![limit, limit - 1.0]),
        Range::UpToField { least, field, less } => {
            let most = limit(method, field, less);
            (vec![least, most], vec![least - 1.0, most + 1.0])
        }
    }
}

/// Whole where it can be: a field of whole numbers takes no others.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 { Value::Integer(value as i64) } else { Value::Float(value) }
}

#[test]
fn what_is_declared_are_the_fields() {
    for method in declared() {
        let mut names: Vec<&str> = method.parameters.iter().map(|one| one.name).collect();
        names.sort_unstable();
        let mut fields: Vec<&str> = method.defaults.keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(names, fields, "{}", method.name);
        (method.check)(&method.defaults)
            .unwrap_or_else(|error| panic!("defaults of {}: {error}", method.name));
    }
}

#[test]
fn every_range_is_checked_to_its_ends() {
    let mut n = 0;
    for method in declared() {
        for parameter in method.parameters {
            let set = |value: Value| {
                (method.check)(&Table::from_iter([(parameter.name.to_owned(), value)]))
            };
            let what = format!("{} of {}", parameter.name, method.name);
            let (within, beyond) = ends(&method, parameter.range);
            for value in within {
                let outcome = set(number(value));
                // Beside its range, two fields may not fit each other.
                let is_range = |expected: &str| match parameter.range {
                    Range::UpToField { .. } => true,
                    range => range.words().is_some_and(|words| expected.contains(&words)),
                };
                let is_refused = matches!(
                    &outcome,
                    Err(Error::Parameter { name, expected, .. })
                        if name == parameter.name && is_range(expected)
                );
                assert!(!is_refused, "{what} = {value}: {outcome:?}");
            }
            for value in beyond {
                n += 1;
                match set(number(value)) {
                    Err(Error::Parameter { name, expected, .. }) => {
                        assert_eq!(name, parameter.name, "{what}");
                        assert!(
                            parameter.auto.is_none() || expected.contains("`auto`"),
                            "{what} = {value}: {expected}"
                        );
                    }
                    other => panic!("{what} = {value}: {other:?}"),
                }
            }
        }
    }
    assert!(n > 40, "{n}");
}

/// `auto` is a word where it is declared, and nothing elsewhere; no number stands for it.
#[test]
fn auto_is_taken_where_it_is_declared() {
    let mut n = 0;
    for method in declared() {
        for parameter in method.parameters {
            let set = |value: Value| {
                (method.check)(&Table::from_iter([(parameter.name.to_owned(), value)]))
            };
            let what = format!("{} of {}", parameter.name, method.name);
            if parameter.auto.is_some() {
                n += 1;
                set("auto".into()).unwrap_or_else(|error| panic!("{what}: {error}"));
                let error = set(Value::Integer(0)).expect_err(&what).to_string();
                assert!(error.contains("0: ") && error.contains("`auto`"), "{error}");
            } else if !matches!(parameter.range, Range::Any | Range::OneOf(_)) {
                set("auto".into()).expect_err(&what);
            }
        }
    }
    assert!(n >= 5, "{n}");
}

/// The documentation of a field, on one line and without marks.
fn documentation(files: &[(String, String)], owner: &str, field: &str) -> Option<String> {
    let opens = format!("pub struct {owner} {{");
    let bodies = files.iter().filter_map(|(_, text)| text.split_once(&opens)?.1.split_once("\n}"));
    let ends = format!("\n    pub {field}: ");
    let body = bodies.map(|(body, _)| body).find(|body| body.contains(&ends))?;
    let before = body.split_once(&ends)?.0.lines().rev();
    let mut lines: Vec<&str> =
        before.map_while(|line| line.trim_start().strip_prefix("/// ")).collect();
    lines.reverse();
    Some(lines.join(" ").replace('`', "").to_lowercase())
}

#[test]
fn the_documentation_of_fields_names_their_ranges() {
    let files = library();
    for method in declared() {
        for Parameter { owner, name, range, auto, .. } in method.parameters {
            let text = documentation(&files, owner, name)
                .unwrap_or_else(|| panic!("`{owner}::{name}` has no documentation"));
            if let Some(words) = range.words() {
                let words = words.to_lowercase();
                assert!(text.contains(&words), "`{owner}::{name}`, {words}: {text}");
            }
            assert!(auto.is_none() || text.contains("auto"), "`{owner}::{name}`: {text}");
        }
    }
}
