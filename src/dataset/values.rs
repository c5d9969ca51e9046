//! Numbers of any type in arrays, converted to pixels and labels.

use half::f16;

/// Kind of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Uint,
    Int,
    Float,
}

/// Storage of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub kind: Kind,
    /// Size of a number in bytes: 1, 2, 4 or 8.
    pub size: usize,
    /// `true` if numbers are big-endian.
    pub big: bool,
}

/// Meaning of the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Pixels,
    Labels,
}

/// Bytes, and `true` if they were numbers from 0 to 1, of which 1 became 255.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Narrowed {
    pub values: Vec<u8>,
    pub scaled: bool,
}

/// Index of a number, from 0, that cannot become a byte, and the number.
pub(super) type Misfit = (usize, f64);

impl Stored {
    /// `true` if this combination of kind and size exists.
    pub fn is_known(self) -> bool {
        match self.kind {
            Kind::Bool => self.size == 1,
            Kind::Uint | Kind::Int => matches!(self.size, 1 | 2 | 4 | 8),
            Kind::Float => matches!(self.size, 2 | 4 | 8),
        }
    }

    /// One number from its bytes; for 64-bit integers the nearest float.
    pub fn number(self, bytes: &[u8]) -> f64 {
        let word = self.word(bytes);
        match (self.kind, self.size) {
            (Kind::Float, 2) => f16::from_bits(word as u16).to_f64(),
            (Kind::Float, 4) => f32::from_bits(word as u32).into(),
            (Kind::Float, _) => f64::from_bits(word),
            (Kind::Int, _) => self.signed(word) as f64,
            _ => word as f64,
        }
    }

    /// One integer from the bytes of an integer or a boolean.
    pub fn integer(self, bytes: &[u8]) -> i128 {
        let word = self.word(bytes);
        if self.kind == Kind::Int { self.signed(word).into() } else { word.into() }
    }

    /// Bits of a number, zero-extended.
    fn word(self, bytes: &[u8]) -> u64 {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        if self.big {
            word[..bytes.len()].reverse();
        }
        u64::from_le_bytes(word)
    }

    /// Bits as a signed number, sign-extended from its highest bit.
    fn signed(self, word: u64) -> i64 {
        let above = 64 - 8 * self.size;
        (word << above) as i64 >> above
    }

    /// The numbers as labels of 16 bits. They must be whole and from 0 to 65,535.
    pub fn labels(self, raw: &[u8]) -> Result<Vec<u16>, Misfit> {
        let label = |(at, bytes)| {
            let number = self.number(bytes);
            let is_label = (0.0..=f64::from(u16::MAX)).contains(&number) && number.fract() == 0.0;
            if is_label { Ok(number as u16) } else { Err((at, number)) }
        };
        raw.chunks_exact(self.size).enumerate().map(label).collect()
    }

    /// The numbers as bytes. They must be whole and from 0 to 255; pixels may also be floats that
    /// are all from 0 to 1, or booleans, of which 1 becomes 255.
    pub fn narrow(self, raw: Vec<u8>, meaning: Meaning) -> Result<Narrowed, Misfit> {
        if (self.kind, self.size) == (Kind::Uint, 1) {
            return Ok(Narrowed { values: raw, scaled: false });
        }
        let numbers = || raw.chunks_exact(self.size).map(|bytes| self.number(bytes));
        let share = |number: f64| (0.0..=1.0).contains(&number);
        let scaled = meaning == Meaning::Pixels
            && matches!(self.kind, Kind::Float | Kind::Bool)
            && numbers().all(share);
        let byte = |(at, number): (usize, f64)| match number {
            _ if scaled => Ok((number * 255.0).round() as u8),
            _ if (0.0..=255.0).contains(&number) && number.fract() == 0.0 => Ok(number as u8),
            _ => Err((at, number)),
        };
        Ok(Narrowed { values: numbers().enumerate().map(byte).collect::<Result<_, _>>()?, scaled })
    }
}

/// Description of the expected numbers, for messages.
pub(super) fn expected(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Pixels => {
            "expected pixels: whole numbers from 0 to 255, or floats that are all from 0 to 1"
        }
        Meaning::Labels => "expected a label: a whole number from 0 to 255",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(kind: Kind, size: usize, big: bool) -> Stored {
        Stored { kind, size, big }
    }

    #[test]
    fn numbers_of_every_kind_are_read() {
        assert_eq!(stored(Kind::Int, 2, false).integer(&[0xfe, 0xff]), -2);
        assert_eq!(stored(Kind::Int, 2, true).integer(&[0xff, 0xfe]), -2);
        assert_eq!(stored(Kind::Uint, 2, false).integer(&[0xff, 0xff]), 65_535);
        assert_eq!(
            stored(Kind::Uint, 8, false).integer(&u64::MAX.to_le_bytes()),
            i128::from(u64::MAX)
        );
        assert_eq!(
            stored(Kind::Int, 8, true).integer(&i64::MIN.to_be_bytes()),
            i128::from(i64::MIN)
        );
        assert_eq!(stored(Kind::Bool, 1, false).integer(&[1]), 1);
        // As numpy.float16 stores -2.
        assert_eq!(stored(Kind::Float, 2, false).number(&[0x00, 0xc0]), -2.0);
        assert_eq!(stored(Kind::Float, 2, true).number(&[0xc0, 0x00]), -2.0);
        assert_eq!(stored(Kind::Float, 4, true).number(&3.0_f32.to_be_bytes()), 3.0);
        assert_eq!(stored(Kind::Float, 8, false).number(&(-7.0_f64).to_le_bytes()), -7.0);
    }

    #[test]
    fn numbers_become_bytes_whole_or_as_shares() {
        let narrow = |stored: Stored, raw: &[u8], meaning| {
            stored.narrow(raw.to_vec(), meaning).map(|it| (it.values, it.scaled))
        };
        use Meaning::{Labels, Pixels};
        let floats = |values: &[f32]| {
            values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>()
        };
        let f4 = stored(Kind::Float, 4, false);
        assert_eq!(narrow(f4, &floats(&[0.0, 255.0, 7.0]), Pixels), Ok((vec![0, 255, 7], false)));
        let shares: Vec<f32> = (0..=255_u8).map(|byte| f32::from(byte) / 255.0).collect();
        assert_eq!(narrow(f4, &floats(&shares), Pixels), Ok(((0..=255).collect(), true)));
        assert_eq!(narrow(f4, &floats(&[0.0, 1.0]), Labels), Ok((vec![0, 1], false)));
        assert_eq!(narrow(f4, &floats(&[0.0, 0.5]), Labels), Err((1, 0.5)));
        assert_eq!(narrow(f4, &floats(&[0.0, 2.5]), Pixels), Err((1, 2.5)));
        assert_eq!(narrow(f4, &floats(&[0.5, 2.0]), Pixels), Err((0, 0.5)));
        assert!(narrow(f4, &floats(&[0.0, f32::NAN]), Pixels).is_err_and(|(at, _)| at == 1));
        assert_eq!(
            narrow(stored(Kind::Float, 2, true), &[0x38, 0, 0x3c, 0], Pixels),
            Ok((vec![128, 255], true))
        );
        assert_eq!(
            narrow(stored(Kind::Int, 4, true), &[0, 0, 0, 9, 0, 0, 0, 1], Labels),
            Ok((vec![9, 1], false))
        );
        assert_eq!(narrow(stored(Kind::Int, 2, false), &[1, 0, 255, 255], Labels), Err((1, -1.0)));
        assert_eq!(narrow(stored(Kind::Int, 1, false), &[128], Labels), Err((0, -128.0)));
        assert_eq!(
            narrow(stored(Kind::Uint, 8, false), &[1, 0, 0, 0, 0, 0, 0, 1], Labels),
            Err((0, 72057594037927937.0))
        );
        assert_eq!(narrow(stored(Kind::Bool, 1, false), &[0, 1], Pixels), Ok((vec![0, 255], true)));
        assert_eq!(narrow(stored(Kind::Bool, 1, false), &[0, 1], Labels), Ok((vec![0, 1], false)));
    }
}
