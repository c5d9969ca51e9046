//! The colours of the classes, as people with the three common deficiencies of colour vision see
//! them.

use crate::page::Page;
use crate::study::opened;

/// Petroff's ten colours (arXiv 2107.02270, table 2), the palette that the page takes.
const PETROFF: [&str; 10] = [
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70",
    "#717581", "#92dadd",
];

/// Machado, Oliveira and Fernandes 2009, table 1, at severity 1: of linear red, green and blue.
const DEFICIENCIES: [(&str, [[f64; 3]; 3]); 4] = [
    ("none", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protanopia",
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
    ),
    (
        "deuteranopia",
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    ),
    (
        "tritanopia",
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ),
];

fn product(matrix: &[[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum())
}

/// A colour as seen, in CIE L*a*b* (D65).
fn lab(color: &str, seen: &[[f64; 3]; 3]) -> [f64; 3] {
    const XYZ: [[f64; 3]; 3] = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ];
    const WHITE: [f64; 3] = [0.95047, 1.0, 1.08883];
    let linear = [1, 3, 5].map(|at| {
        let c = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    let xyz = product(&XYZ, product(seen, linear).map(|c| c.clamp(0.0, 1.0)));
    let f = |at: usize| {
        let t = xyz[at] / WHITE[at];
        if t > (6.0_f64 / 29.0).powi(3) {
            t.cbrt()
        } else {
            t / (3.0 * (6.0_f64 / 29.0).powi(2)) + 4.0 / 29.0
        }
    };
    [116.0 * f(1) - 16.0, 500.0 * (f(0) - f(1)), 200.0 * (f(1) - f(2))]
}

/// The smallest distance of two of the colours as seen (CIE 1976).
fn smallest(colors: &[impl AsRef<str>], seen: &[[f64; 3]; 3]) -> f64 {
    let lab: Vec<[f64; 3]> = colors.iter().map(|color| lab(color.as_ref(), seen)).collect();
    let distance = |a: &[f64; 3], b: &[f64; 3]| {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    let pairs =
        lab.iter().enumerate().flat_map(|(at, a)| lab[..at].iter().map(move |b| distance(a, b)));
    pairs.fold(f64::INFINITY, f64::min)
}

#[test]
fn the_classes_are_told_apart_whatever_the_eyes() {
    let Some((page, _)) = opened("") else { return };
    let colors = page.class_colors();
    for (name, seen) in &DEFICIENCIES {
        let (found, reached) = (smallest(&colors, seen), smallest(&PETROFF, seen));
        println!(
            "{name}: the nearest two colours are {found:.1} apart, those of Petroff {reached:.1}"
        );
        // 2.3 is a just noticeable difference; two colours of small dots need several.
        assert!(found >= reached - 1e-9 && found > 6.0, "{name}: {found}, Petroff's {reached}");
    }
    // The legend and the map take these colours, and no others.
    assert_eq!(swatches(&page), colors);
    // On a dark page others take their place, which are as far apart.
    page.eval("layerlens.store.set({ theme: 'dark' })");
    let dark = swatches(&page);
    assert!(dark.iter().zip(&colors).all(|(dark, light)| dark != light), "{dark:?}");
    for (name, seen) in &DEFICIENCIES {
        let (found, reached) = (smallest(&dark, seen), smallest(&PETROFF, seen));
        assert!(found > 0.95 * reached, "{name}, dark: {found}, Petroff's {reached}");
    }
}

/// Light and dark colours of the viewer's palette.
fn palette() -> [Vec<&'static str>; 2] {
    let text = include_str!("../../assets/viewer/palette.js");
    let entries = text.split_once("ON_DARK = new Map([").unwrap().1.split_once("]);").unwrap().0;
    let colors: Vec<&str> = entries.split('"').skip(1).step_by(2).collect();
    [0, 1].map(|at| colors.iter().skip(at).step_by(2).copied().collect())
}

#[test]
fn all_dark_colours_are_as_far_apart_as_the_light_ones() {
    let [light, dark] = palette();
    assert_eq!((light.len(), &light[..10]), (30, &PETROFF[..]));
    for (n, least) in [(10, 18.0), (30, 11.0)] {
        let [of_light, of_dark] =
            [&light, &dark].map(|colors| smallest(&colors[..n], &DEFICIENCIES[0].1));
        assert!(of_dark > least && of_dark > of_light, "{n}: {of_dark}, light {of_light}");
    }
}

/// The colours of the classes in the legend, as `#rrggbb`.
fn swatches(page: &Page) -> Vec<String> {
    let found = page.eval(
        "Array.from(document.querySelectorAll('#legend button[data-class]'), b => \
         getComputedStyle(b.querySelector('.swatch')).backgroundColor)",
    );
    let hex = |swatch: &serde_json::Value| {
        let numbers = swatch.as_str().unwrap().trim_start_matches("rgb(").trim_end_matches(')');
        let channels = numbers.split(", ").map(|number| number.parse::<u8>().unwrap());
        channels.fold("#".to_owned(), |hex, channel| format!("{hex}{channel:02x}"))
    };
    found.as_array().unwrap().iter().map(hex).collect()
}
