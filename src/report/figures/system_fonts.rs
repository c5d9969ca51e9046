//! Fonts of the system, for letters that the built-in font lacks.

use ab_glyph::{Font, FontArc, FontRef, FontVec};
use fontdb::{Database, FaceInfo, ID, Style};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

/// Ranges of letters that cannot be set side by side from left to right: they are written from right
/// to left, join, or change places with their neighbours. Hebrew, Arabic and their like, the scripts
/// of India, Tibetan, Burmese, single parts of Korean syllables, Khmer, and the forms of the first.
const NOT_SIDE_BY_SIDE: [(u32, u32); 10] = [
    (0x590, 0x8ff),
    (0x900, 0xdff),
    (0xf00, 0x109f),
    (0x1100, 0x11ff),
    (0x1780, 0x17ff),
    (0xfb1d, 0xfdff),
    (0xfe70, 0xfefc),
    (0x10800, 0x10fff),
    (0x11000, 0x11fff),
    (0x1e800, 0x1efff),
];

/// Part of the name of a font that has a box for every letter.
const LAST_RESORT: &str = "LastResort";

/// The fonts of the system.
struct Fonts {
    database: Database,
    /// For each letter of any font, the first font that has it.
    of_letters: HashMap<char, ID>,
    /// Those that were needed. They stay for the life of the program.
    read: HashMap<ID, &'static FontArc>,
}

/// The first of the system's fonts that has this letter, the plainest first.
pub(super) fn font_of(letter: char) -> Option<&'static FontArc> {
    static FONTS: LazyLock<Mutex<Fonts>> = LazyLock::new(|| {
        let mut database = Database::new();
        database.load_system_fonts();
        Mutex::new(Fonts::new(database))
    });
    if !stands_alone(letter) {
        return None;
    }
    FONTS.lock().ok()?.font_of(letter)
}

/// `true` if a letter can be set beside others without regard to them.
pub(super) fn stands_alone(letter: char) -> bool {
    let letter = u32::from(letter);
    !NOT_SIDE_BY_SIDE.iter().any(|(first, last)| (*first..=*last).contains(&letter))
}

impl Fonts {
    /// Looks up the letters of all fonts.
    fn new(database: Database) -> Self {
        let is_real = |face: &&FaceInfo| !face.post_script_name.contains(LAST_RESORT);
        let mut faces: Vec<&FaceInfo> = database.faces().filter(is_real).collect();
        faces.sort_by_cached_key(|face| plainness(face));
        let mut of_letters = HashMap::new();
        for face in faces {
            let letters = database.with_face_data(face.id, letters).unwrap_or_default();
            letters.into_iter().for_each(|letter| _ = of_letters.entry(letter).or_insert(face.id));
        }
        Self { database, of_letters, read: HashMap::new() }
    }

    fn font_of(&mut self, letter: char) -> Option<&'static FontArc> {
        let id = *self.of_letters.get(&letter)?;
        if let Some(font) = self.read.get(&id) {
            return Some(font);
        }
        let bytes = |bytes: &[u8], index| FontVec::try_from_vec_and_index(bytes.to_vec(), index);
        let font = FontArc::new(self.database.with_face_data(id, bytes)?.ok()?);
        let font: &'static FontArc = Box::leak(Box::new(font));
        self.read.insert(id, font);
        Some(font)
    }
}

/// Letters of a font; none of one that is damaged, or has coloured pictures instead of outlines.
fn letters(bytes: &[u8], index: u32) -> Vec<char> {
    /// Number of letters by which a font is judged.
    const TRIED: usize = 64;
    let Ok(font) = FontRef::try_from_slice_and_index(bytes, index) else { return Vec::new() };
    let letters: Vec<(ab_glyph::GlyphId, char)> = font.codepoint_ids().collect();
    let mut tried = letters.iter().filter(|(_, letter)| letter.is_alphanumeric()).take(TRIED);
    if font.height_unscaled() <= 0.0 || !tried.any(|(id, _)| font.outline(*id).is_some()) {
        return Vec::new();
    }
    letters.into_iter().map(|(_, letter)| letter).collect()
}

/// Sort key of a font: upright and proportional ones first, then those without serifs, then by how
/// far their weight is from 400, then by name, so that a machine always takes the same.
fn plainness(face: &FaceInfo) -> (bool, Reverse<bool>, u16, String, u32) {
    let family = face.families.first().map_or("", |(name, _)| name);
    (
        face.style != Style::Normal || face.monospaced,
        Reverse(family.contains("Sans") || family.contains("Gothic")),
        face.weight.0.abs_diff(400),
        face.post_script_name.clone(),
        face.index,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fonts of a machine with two, the monospaced one first.
    fn fonts() -> Fonts {
        let mut database = Database::new();
        database.load_font_data(epaint_default_fonts::HACK_REGULAR.to_vec());
        database.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
        Fonts::new(database)
    }

    /// `true` if the font has a picture of the letter.
    fn has(font: &FontArc, letter: char) -> bool {
        font.glyph_id(letter).0 != 0
    }

    #[test]
    fn a_letter_is_of_the_plainest_font_that_has_it() {
        // Whatever was asked for before.
        for order in ["ß▚a▛", "▛a▚ß"] {
            let mut fonts = fonts();
            let found: HashMap<char, &FontArc> =
                order.chars().map(|letter| (letter, fonts.font_of(letter).unwrap())).collect();
            assert!(std::ptr::eq(found[&'ß'], found[&'a']) && !has(found[&'a'], '▚'));
            assert!(std::ptr::eq(found[&'▚'], found[&'▛']) && has(found[&'▚'], '▚'));
            assert_eq!(fonts.read.len(), 2);
        }
    }

    #[test]
    fn a_letter_that_no_font_has_is_not_found() {
        let mut fonts = fonts();
        assert!(['日', '\u{10fffe}'].iter().all(|&letter| fonts.font_of(letter).is_none()));
        assert!(Fonts::new(Database::new()).font_of('ß').is_none());
        assert!(letters(b"no font", 0).is_empty());
    }

    #[test]
    fn letters_that_join_are_told_from_those_that_stand_alone() {
        assert!("aßя日한ไ▚\u{1f600}".chars().all(stands_alone));
        assert!(!"אبकမ\u{1100}ﷲ".chars().any(stands_alone));
    }
}
