//! The one font of all figures, and how wide a text in it is.

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};
use std::sync::OnceLock;

const FAMILY: FontFamily<'static> = FontFamily::Name("layerlens");

/// plotters counts a font's size from its highest ascender to its lowest descender: 1.121 em in Ubuntu Light.
pub(super) const HEIGHT_IN_EM: f64 = 1.121;

/// The font with an em square of `size`.
///
/// # Errors
/// A message, if the font that the program carries cannot be read.
pub(super) fn font(size: f64) -> Result<FontDesc<'static>, String> {
    static REGISTERED: OnceLock<bool> = OnceLock::new();
    let register = || register_font("layerlens", FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT).is_ok();
    if !REGISTERED.get_or_init(register) {
        return Err("the built-in font cannot be read".into());
    }
    Ok(FontDesc::new(FAMILY, size * HEIGHT_IN_EM, FontStyle::Normal))
}

/// Width of `words` with an em square of `size`; 0 if the font is unusable, which drawing the text then reports.
pub(super) fn text_width(words: &str, size: f64) -> f64 {
    // plotters rounds to whole pixels: a large size keeps the decimals.
    const EM: f64 = 1000.0;
    let width = font(EM).ok().and_then(|font| font.layout_box(words).ok()).map_or(0, |(_, (width, _))| width);
    f64::from(width) / EM * size
}

/// `words`, cut and ended by an ellipsis where they are wider than `limit`.
pub(super) fn fit(words: &str, size: f64, limit: f64) -> String {
    if text_width(words, size) <= limit {
        return words.to_owned();
    }
    let mut cut: Vec<char> = words.chars().collect();
    while cut.pop().is_some() {
        let short = format!("{}…", cut.iter().collect::<String>().trim_end());
        if text_width(&short, size) <= limit {
            return short;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_wide_is_cut() {
        assert_eq!(fit("Coat", 20.0, 100.0), "Coat");
        let short = fit("Ankle boot with laces", 20.0, 100.0);
        assert!(short.starts_with("Ankle") && short.ends_with('…'), "{short}");
        assert!(text_width(&short, 20.0) <= 100.0);
    }

    #[test]
    fn width_grows_with_size() {
        let width = text_width("T-shirt/top", 20.0);
        assert!((60.0..140.0).contains(&width), "{width}");
        assert!((text_width("T-shirt/top", 40.0) - 2.0 * width).abs() < 1e-9);
    }
}
