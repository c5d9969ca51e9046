//! Numbers in words.

/// A whole number with its digits in groups of three: `40,933`.
pub(crate) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let group = |(at, digit): (usize, char)| [(at > 0 && (digits.len() - at).is_multiple_of(3)).then_some(','), Some(digit)];
    digits.chars().enumerate().flat_map(group).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn thousands_have_commas() {
        assert_eq!([0, 999, 1000, 40_933, 1_092_945].map(thousands), ["0", "999", "1,000", "40,933", "1,092,945"]);
    }
}
