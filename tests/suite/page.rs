//! The report's page: what is put in comes out again as it was, as data and as text, and nothing of
//! it becomes markup.

use crate::support::{uniform, uniform_matrix};
use base64::Engine as _;
use layerlens::dataset::{Column, Images};
use layerlens::matrix::Matrix;
use layerlens::report::page::{
    self, Area, Block, Cell, Drawing, Epochs, Link, ListedPoint, MAX_SIDE, Map, Method, Page,
    Points, Section, Space, Table, Tabs,
};
use serde_json::{Value, json};
use std::io::Read as _;

const N: usize = 30;

/// What markup, scripts, templates and readers stumble over.
const NASTY: [&str; 8] = [
    "</script><script>alert(1)</script>",
    "\"quotes\" 'and' `more` \\ &amp;",
    "<img src=x onerror=alert(1)>",
    "{{data}}{{script}}{{title}}",
    "\u{202e}right to left עברית العربية",
    "😀 👩\u{200d}🔬 \u{2028}\u{2029}",
    "a file's name with  spaces & \"quotes\".npy",
    "<!-- <script> ]]> --!>",
];

fn names(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

/// A page with a bit of everything.
fn small() -> Page {
    let class = |at: usize| (at % 2) as u16;
    let cell = |at: usize| ["b10", "", "b9"][at % 3];
    let space = |id: &str| Space {
        id: id.into(),
        title: format!("{id} title"),
        n_features: Some(5),
        neighbors: Some(
            (0..N as u32).flat_map(|i| [(i + 1) % N as u32, (i + 2) % N as u32]).collect(),
        ),
        probe: None,
    };
    let map = |space: &str, stream| Map {
        space: space.into(),
        method: "tsne".into(),
        coordinates: uniform_matrix(stream, N, 2),
        metrics: vec![("trustworthiness".into(), 0.5)],
        fitted: "fitted on all".into(),
    };
    Page {
        name: "data".into(),
        points: Points {
            of: 2 * N,
            which: "the test points".into(),
            parts: vec![("test".into(), N)],
            rows: Some((0..N as u32).map(|row| 2 * row).collect()),
            labels: Some((0..N).map(class).collect()),
            predictions: Some((0..N).map(|at| class(at / 3)).collect()),
            confidence: Some(uniform(3, N, 0.0, 1.0)),
            measures: Vec::new(),
            columns: vec![Column::new("batch".into(), &(0..N).map(cell).collect::<Vec<_>>())],
        },
        classes: names(&["first", "second"]),
        n_neighbors: 2,
        spaces: vec![space("raw"), space("layer_1")],
        methods: vec![Method {
            id: "tsne".into(),
            title: "t-SNE".into(),
            caution: "careful".into(),
        }],
        maps: vec![map("raw", 1), map("layer_1", 2)],
        first: Vec::new(),
        epochs: vec![Epochs {
            space: "layer_1".into(),
            method: "tsne".into(),
            epochs: vec![0, 1, 5],
            coordinates: uniform_matrix(4, N, 6),
            metrics: vec![("trustworthiness".into(), vec![0.1, 0.2, 0.3])],
            fitted: "fitted at every epoch".into(),
        }],
        pictures: Some(
            Images::with_channels(
                uniform(5, N * 12, 0.0, 255.9).iter().map(|&v| v as u8).collect(),
                4,
                3,
                1,
            )
            .unwrap(),
        ),
        sections: vec![Section { id: "one".into(), title: "One".into(), ..Section::default() }],
        warnings: Vec::new(),
        missing: Vec::new(),
    }
}

/// The page's JSON, as the viewer parses it.
fn data(html: &str) -> Value {
    let start = html.split_once("id=\"page-data\">").unwrap().1;
    serde_json::from_str(start.split_once("</script>").unwrap().0).unwrap()
}

/// The bytes of a block.
fn block(html: &str, name: &str) -> Vec<u8> {
    let start = html.split_once(&format!("id=\"block-{name}\" data-encoding=\"")).unwrap().1;
    let (encoding, rest) = start.split_once("\">").unwrap();
    let bytes =
        base64::engine::general_purpose::STANDARD.decode(rest.split_once('<').unwrap().0).unwrap();
    if encoding == "raw" {
        return bytes;
    }
    assert_eq!(encoding, "deflate");
    let mut inflated = Vec::new();
    flate2::read::ZlibDecoder::new(&bytes[..]).read_to_end(&mut inflated).unwrap();
    inflated
}

/// An array, whose lowest bytes come first.
fn array(html: &str, description: &Value) -> Vec<u32> {
    let bytes = block(html, description["block"].as_str().unwrap());
    let n = description["n"].as_u64().unwrap() as usize;
    let size = match description["type"].as_str().unwrap() {
        "u8" => 1,
        "u16" => 2,
        _ => 4,
    };
    assert_eq!(bytes.len(), n * size);
    (0..n)
        .map(|at| (0..size).map(|plane| u32::from(bytes[plane * n + at]) << (8 * plane)).sum())
        .collect()
}

/// Coordinates by frame and axis, as a reader of the format undoes the coding.
fn places(html: &str, coded: &Value) -> Vec<f64> {
    let numbers = array(html, coded);
    let frames = coded["frames"].as_u64().unwrap() as usize;
    let half = coded["half"].as_f64().unwrap();
    let per_frame = numbers.len() / frames;
    let mut steps: Vec<i64> = numbers.iter().map(|&number| i64::from(number)).collect();
    for at in per_frame..steps.len() {
        let zigzag = steps[at];
        let difference = if zigzag % 2 == 0 { zigzag / 2 } else { -(zigzag + 1) / 2 };
        steps[at] = (steps[at - per_frame] + difference).rem_euclid(65_536);
    }
    let center = |at: usize| coded["center"][at / (per_frame / 2) % 2].as_f64().unwrap();
    steps
        .iter()
        .enumerate()
        .map(|(at, &step)| center(at) + (step as f64 / 65_535.0 * 2.0 - 1.0) * half)
        .collect()
}

/// Text as a browser reads it.
fn unescaped(html: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    entities.iter().fold(html.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}

/// Everything of a page that is text from outside, by what it is.
type Place = (&'static str, fn(&mut Page, &str));
const IN_DATA: [Place; 15] = [
    ("name", |page, text| page.name = text.into()),
    ("which points", |page, text| page.points.which = text.into()),
    ("part", |page, text| page.points.parts[0].0 = text.into()),
    ("column", |page, text| page.points.columns[0].name = text.into()),
    ("class", |page, text| page.classes[1] = text.into()),
    ("space's title", |page, text| page.spaces[0].title = text.into()),
    ("space", |page, text| {
        page.spaces[0].id = text.into();
        page.maps[0].space = text.into();
    }),
    ("method's title", |page, text| page.methods[0].title = text.into()),
    ("caution", |page, text| page.methods[0].caution = text.into()),
    ("measure", |page, text| page.maps[0].metrics[0].0 = text.into()),
    ("fitted", |page, text| page.maps[0].fitted = text.into()),
    ("measure of epochs", |page, text| page.epochs[0].metrics[0].0 = text.into()),
    ("epochs fitted", |page, text| page.epochs[0].fitted = text.into()),
    ("warning", |page, text| page.warnings.push(text.into())),
    ("missing", |page, text| page.missing.push(text.into())),
];
const IN_TABLES: [Place; 18] = [
    ("heading", |page, text| page.sections[0].title = text.into()),
    ("address", |page, text| page.sections[0].id = text.into()),
    ("subheading", |page, text| page.sections[0].blocks.push(Block::Heading(text.into()))),
    ("paragraph", |page, text| page.sections[0].blocks.push(Block::Text(text.into()))),
    ("command", |page, text| page.sections[0].blocks.push(Block::Code(text.into()))),
    ("list", |page, text| page.sections[0].blocks.push(Block::List(vec![text.into()]))),
    ("caption", |page, text| page.sections[0].blocks.push(table(text, "a", "b"))),
    ("column", |page, text| page.sections[0].blocks.push(table("a", text, "b"))),
    ("cell", |page, text| page.sections[0].blocks.push(table("a", "b", text))),
    ("drawing", |page, text| {
        page.sections[0].blocks.push(Block::Drawing(drawing(text, "", None)));
    }),
    ("the caption of a drawing", |page, text| {
        page.sections[0].blocks.push(Block::Drawing(drawing("", text, None)));
    }),
    ("a link of a drawing", |page, text| {
        let area = Area { link: Link::to_space(text, text), place: [0.1, 0.2, 0.3, 0.4] };
        page.sections[0].blocks.push(Block::Drawing(drawing("", "", Some(area))));
    }),
    ("a link of a table", |page, text| {
        let mut table = Table::new("", &["row"], [vec!["cell"]]);
        table.header[0] = Cell::linked(text.into(), Link::to_point(text, 3));
        page.sections[0].blocks.push(Block::Table(table));
    }),
    ("a listed point", |page, text| {
        let point = |is_shown| ListedPoint {
            part: "test".into(),
            row: 7,
            is_shown,
            lines: vec!["Coat".into(), text.into()],
        };
        page.sections[0].blocks.push(Block::Points(vec![point(true), point(false)]));
    }),
    ("an explanation", |page, text| {
        let mut table = Table::new("", &["row"], [vec!["cell"]]);
        table.header[0] = Cell::explained(text, text);
        page.sections[0].blocks.push(Block::Table(table));
    }),
    ("a tab", |page, text| {
        let inner = vec![Block::Text(text.into())];
        let tabs = Tabs { label: text.into(), shown: 0, tabs: vec![(text.into(), inner)] };
        page.sections[0].blocks.push(Block::Tabs(tabs));
    }),
    ("a folded section", |page, text| {
        page.sections[0].is_folded = true;
        page.sections[0].blocks.push(Block::Text(text.into()));
    }),
    ("what is folded", |page, text| {
        let inner = vec![Block::Text(text.into())];
        page.sections[0].blocks.push(Block::Folded(text.into(), inner));
    }),
];

fn drawing(label: &str, caption: &str, area: Option<Area>) -> Drawing {
    Drawing {
        svg: "<svg width=\"1\"></svg>".into(),
        label: label.into(),
        areas: area.into_iter().collect(),
        caption: caption.into(),
    }
}

fn table(caption: &str, column: &str, cell: &str) -> Block {
    Block::Table(Table::new(caption, &["row", column], [vec![cell, cell]]))
}

fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found == text,
        Value::Array(values) => values.iter().any(|value| holds(value, text)),
        Value::Object(map) => map.values().any(|value| holds(value, text)),
        _ => false,
    }
}

/// How often markup begins.
fn markup(html: &str) -> [usize; 6] {
    ["<script", "</script", "<img", "<!--", "{{", " onerror="]
        .map(|word| html.to_lowercase().matches(word).count())
}

#[test]
fn every_text_of_the_data_comes_out_as_it_was_and_none_becomes_markup() {
    for (what, put) in IN_DATA {
        for text in NASTY {
            let mut page = small();
            put(&mut page, "plain");
            let plain = page::html(&page).unwrap();
            put(&mut page, text);
            page.warnings.retain(|warning| warning != "plain");
            page.missing.retain(|missing| missing != "plain");
            let html = page::html(&page).unwrap();
            assert!(holds(&data(&html), text), "{what}: {text}");
            let [scripts, ends, images, ..] = markup(&html);
            assert_eq!([scripts, ends, images], markup(&plain)[..3], "{what}: {text}");
            assert!(
                !html.contains(&format!("<title>{text}</title>")) || !text.contains('<'),
                "{what}"
            );
        }
    }
}

#[test]
fn every_text_of_the_tables_is_shown_as_it_is_and_none_becomes_markup() {
    for (what, put) in IN_TABLES {
        for text in NASTY {
            let mut page = small();
            put(&mut page, text);
            let html = page::html(&page).unwrap();
            let shown = html
                .split_once("<section id=\"report\"")
                .unwrap()
                .1
                .split_once("<dialog id=\"help\"")
                .unwrap()
                .0;
            assert!(unescaped(shown).contains(text), "{what}: {text}");
            let [scripts, ends, images, comments, ..] = markup(shown);
            assert_eq!([scripts, ends, images, comments], [0; 4], "{what}: {text}");
            assert!(!shown.contains("=x onerror=alert(1)>"), "{what}: {text}");
        }
    }
}

#[test]
fn only_points_of_the_page_lead_to_a_card() {
    let mut page = small();
    let point = |row, is_shown| ListedPoint {
        part: "test".into(),
        row,
        is_shown,
        lines: vec![format!("point {row}")],
    };
    page.sections[0].blocks.push(Block::Points(vec![point(4, true), point(5, false)]));
    let html = page::html(&page).unwrap();
    assert!(html.contains("<a href=\"#pin=test:4\""), "a link to point 4");
    assert!(html.contains("<li><span>point 5</span></li>") && !html.contains("pin=test:5"));
}

#[test]
fn arrays_come_out_as_they_were() {
    let page = small();
    let html = page::html(&page).unwrap();
    let data = data(&html);
    let points = &data["points"];
    let wide = |values: &Option<Vec<u16>>| {
        values.iter().flatten().map(|&value| u32::from(value)).collect::<Vec<_>>()
    };
    assert_eq!(array(&html, &points["labels"]), wide(&page.points.labels));
    assert_eq!(array(&html, &points["predictions"]), wide(&page.points.predictions));
    assert_eq!(array(&html, &points["rows"]), page.points.rows.clone().unwrap());
    for (space, described) in page.spaces.iter().zip(data["spaces"].as_array().unwrap()) {
        assert_eq!(array(&html, &described["neighbors"]), space.neighbors.clone().unwrap());
    }
    let column = &points["columns"][0];
    assert_eq!((&column["name"], &column["kind"]), (&"batch".into(), &"category".into()));
    let values: Vec<String> =
        serde_json::from_slice(&block(&html, column["values"]["block"].as_str().unwrap())).unwrap();
    assert_eq!(values, ["b9", "b10", ""]);
    let codes: Vec<u32> = (0..N).map(|at| [1, 2, 0][at % 3]).collect();
    assert_eq!(array(&html, &column["codes"]), codes);
    assert_eq!(column["colors"].as_array().unwrap().len(), 2);
    let sure = array(&html, &points["confidence"]);
    assert!(
        sure.iter().zip(page.points.confidence.unwrap()).all(|(&byte, value)| (f64::from(byte)
            / 255.0
            - f64::from(value))
        .abs()
            <= 0.5 / 255.0)
    );
    assert_eq!((points["n"].as_u64(), points["of"].as_u64()), (Some(N as u64), Some(2 * N as u64)));
}

/// A coordinate is off by half a step at most, in every frame.
#[test]
fn places_come_out_within_half_a_step() {
    for (frames, width, offset) in [(1, 100.0, -3.0e4), (7, 1e-3, 0.0), (3, 8.0e8, 1.0)] {
        let values =
            uniform(9, 50 * 2 * frames, -width, width).into_iter().map(|value| value + offset);
        let matrix = Matrix::new(values.collect(), 50, 2 * frames).unwrap();
        let mut page = Page {
            points: Points { of: 50, parts: vec![("row".into(), 50)], ..Points::default() },
            spaces: vec![Space {
                id: "s".into(),
                title: "s".into(),
                n_features: None,
                neighbors: None,
                probe: None,
            }],
            methods: vec![Method { id: "m".into(), title: "m".into(), caution: String::new() }],
            ..Page::default()
        };
        let (space, method) = ("s".to_owned(), "m".to_owned());
        page.epochs.push(Epochs {
            space,
            method,
            epochs: (0..frames).collect(),
            coordinates: matrix.clone(),
            metrics: vec![],
            fitted: String::new(),
        });
        let html = page::html(&page).unwrap();
        let coded = &data(&html)["epochs"][0]["coordinates"];
        let half_step = coded["half"].as_f64().unwrap() / 65_535.0;
        for (at, value) in places(&html, coded).into_iter().enumerate() {
            let exact = f64::from(matrix.row(at % 50)[at / 50]);
            assert!(
                (value - exact).abs() <= half_step * (1.0 + 1e-6),
                "{value} for {exact}, half a step is {half_step}"
            );
        }
    }
}

/// Sixteen shades: a grey value is off by 8 at most; colours are exact.
#[test]
fn tiles_hold_every_picture_in_its_place() {
    for (n, height, width, channels, tolerance) in
        [(5400, 28, 28, 1, 8), (700, 9, 31, 1, 8), (1100, 64, 50, 3, 0)]
    {
        let pixels: Vec<u8> = (0..n * height * width * channels)
            .map(|at| (at * at / 7 + at / 411 * 13) as u8)
            .collect();
        let pictures = Images::with_channels(pixels, height, width, channels).unwrap();
        let mut page = Page {
            points: Points { of: n, parts: vec![("row".into(), n)], ..Points::default() },
            ..Page::default()
        };
        page.pictures = Some(pictures.clone());
        let html = page::html(&page).unwrap();
        let images = data(&html)["images"].clone();
        let number = |name: &str| images[name].as_u64().unwrap() as usize;
        assert_eq!(
            (number("height"), number("width"), images["kind"] == "rgb"),
            (height, width, channels == 3)
        );
        let tiles: Vec<image::RgbImage> = images["tiles"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| {
                image::load_from_memory(&block(&html, name.as_str().unwrap())).unwrap().to_rgb8()
            })
            .collect();
        assert_eq!(tiles.len(), n.div_ceil(number("per_tile")));
        for i in (0..n).step_by(37).chain([n - 1]) {
            let tile = &tiles[i / number("per_tile")];
            let at = i % number("per_tile");
            let left = at % number("per_row") * width;
            let top = at / number("per_row") * height;
            for (pixel, values) in pictures.image(i).chunks_exact(channels).enumerate() {
                let found =
                    tile.get_pixel((left + pixel % width) as u32, (top + pixel / width) as u32);
                let off = values
                    .iter()
                    .zip(found.0)
                    .map(|(&value, found)| value.abs_diff(found))
                    .max()
                    .unwrap();
                assert!(off <= tolerance, "picture {i}: {off}");
            }
        }
    }
}

#[test]
fn large_pictures_are_scaled_down_and_that_can_be_said() {
    let mut page = small();
    let pictures = Images::with_channels(vec![200; N * 300 * 100], 100, 300, 1).unwrap();
    page.warnings = Vec::from_iter(page::scaled_words(&pictures));
    page.pictures = Some(pictures);
    let html = page::html(&page).unwrap();
    let data = data(&html);
    assert_eq!(
        (data["images"]["width"].as_u64(), data["images"]["height"].as_u64()),
        (Some(MAX_SIDE as u64), Some(21))
    );
    assert_eq!(data["warnings"][0], "images of 300 x 100 pixels are scaled down to 64 x 21");
}

/// Soft colours, as photographs have them, take fewer bytes as JPEG; few plain ones as PNG. What
/// is small enough stays exact, and very many are scaled down further.
#[test]
fn large_pictures_in_colour_take_the_smaller_form_within_the_budget() {
    let of = |n: usize, side: usize, value: &dyn Fn(usize, usize, usize) -> u8| {
        let pixels = (0..n * side * side * 3)
            .map(|at| value(at / 3 / side % side, at / 3 % side, at % 3))
            .collect();
        Images::with_channels(pixels, side, side, 3).unwrap()
    };
    let tile = |pictures: &Images| {
        let page = Page {
            points: Points {
                of: pictures.n(),
                parts: vec![("row".into(), pictures.n())],
                ..Points::default()
            },
            pictures: Some(pictures.clone()),
            ..Page::default()
        };
        let html = page::html(&page).unwrap();
        let images = data(&html)["images"].clone();
        (images, block(&html, "tile-0"))
    };
    let soft = |y: usize, x: usize, c: usize| {
        let wave = |scale: f64| (f64::from(x as u16) / scale + f64::from(y as u16) / 9.0).sin();
        (128.0 + 60.0 * wave(13.0 + c as f64) + 50.0 * wave(7.0)) as u8
    };
    let soft = of(4, 96, &soft);
    let (images, file) = tile(&soft);
    assert_eq!((images["kind"].as_str(), images["width"].as_u64()), (Some("jpeg"), Some(64)));
    assert_eq!(&file[..2], b"\xff\xd8");
    let tile_image = image::load_from_memory(&file).unwrap().to_rgb8();
    let expected = soft.resized(64, 64);
    let mean_error = |i: usize| {
        let pixels = expected.image(i).chunks(3).enumerate();
        let off = pixels.map(|(at, pixel)| {
            let found = tile_image.get_pixel((64 * i + at % 64) as u32, (at / 64) as u32);
            pixel.iter().zip(found.0).map(|(a, b)| f64::from(a.abs_diff(b))).sum::<f64>()
        });
        off.sum::<f64>() / (64.0 * 64.0 * 3.0)
    };
    assert!((0..4).all(|i| mean_error(i) < 4.0), "{}", mean_error(0));
    let (images, file) = tile(&of(4, 96, &|_, _, c| [250, 30, 60][c]));
    assert_eq!((images["kind"].as_str(), &file[1..4]), (Some("rgb"), &b"PNG"[..]));
    let many = of(page::MAX_PIXELS / (64 * 64) + 1, 65, &|_, _, _| 0);
    assert_eq!(
        page::scaled_words(&many).unwrap(),
        "images of 65 x 65 pixels are scaled down to 48 x 48"
    );
    assert_eq!(page::scaled_words(&of(2, 64, &|_, _, _| 0)), None);
}

#[test]
fn the_same_page_has_the_same_bytes_on_any_number_of_threads() {
    let page = small();
    let on = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| page::html(&page).unwrap())
    };
    assert!(on(1) == on(3) && on(3) == on(3));
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    type Spoil = fn(&mut Page);
    let spoiled: [(Spoil, &str); 11] = [
        (|page| page.points.parts.clear(), "at least one point"),
        (
            |page| page.first = vec![("raw".into(), "umap".into())],
            "raw by umap first, of which it has no map",
        ),
        (|page| page.points.labels = Some(vec![0; 3]), "3 labels, expected 30"),
        (|page| page.points.predictions = Some(vec![2; N]), "class 2; there are 2"),
        (|page| page.points.columns[0].codes.truncate(3), "3 values of `batch`, expected 30"),
        (|page| page.points.columns[0].codes[4] = 3, "column `batch` has unknown values"),
        (|page| page.spaces[0].neighbors = Some(vec![0; 3]), "3 neighbours in raw, expected 60"),
        (|page| page.spaces[0].neighbors = Some(vec![99; 60]), "the neighbour 99"),
        (
            |page| page.maps[0].coordinates = uniform_matrix(1, N, 3),
            "3 columns of coordinates of raw by tsne, expected 2",
        ),
        (|page| page.maps[0].method = "other".into(), "raw by other, which it does not list"),
        (
            |page| page.pictures = Some(Images::with_channels(vec![0; 4], 2, 2, 1).unwrap()),
            "1 pictures, expected 30",
        ),
    ];
    for (spoil, message) in spoiled {
        let mut page = small();
        spoil(&mut page);
        let error = page::html(&page).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_page_without_maps_is_its_sections() {
    let Page { name, sections, .. } = small();
    let page = page::html(&Page { name, sections, ..Page::default() }).unwrap();
    assert!(page.contains("<h2") && page.contains("One"));
    assert_eq!((&data(&page)["points"]["n"], &data(&page)["maps"]), (&json!(0), &json!([])));
}

#[test]
fn the_best_of_each_group_is_marked_among_those_that_compete() {
    let rows = [
        ["raw", "all", "0.9"],
        ["raw", "pca", "0.5"],
        ["raw", "tsne", "0.7"],
        ["layer", "pca", "0.6"],
        ["layer", "tsne", "–"],
        ["layer", "umap", "0.6"],
    ];
    let mut table = Table::new("", &["space", "map", "value"], rows.map(Vec::from));
    table.mark_best(2..3, |row| row[1].text != "all");
    let marked: Vec<bool> = table.rows.iter().map(|row| row[2].is_best).collect();
    assert_eq!(marked, [false, false, true, true, false, true]);
}

#[test]
fn a_folded_section_is_closed_and_any_other_open() {
    let mut page = small();
    assert!(page::html(&page).unwrap().contains("<details open>\n<summary><h2 id=\"report-one\">"));
    page.sections[0].is_folded = true;
    assert!(page::html(&page).unwrap().contains("<details>\n<summary><h2 id=\"report-one\">"));
}
