//! Guarantees of every figure: the same bytes for the same data, the stated size, and no file left
//! by a failure.

use super::heat_map::CELL_INK;
use super::*;
use crate::dataset::Classes;
use crate::matrix::Matrix;

fn names(n: usize) -> Vec<String> {
    ["T-shirt/top", "Coat <&\"", "Bag"]
        .iter()
        .cycle()
        .take(n)
        .map(|name| (*name).to_owned())
        .collect()
}

fn scatter<'a>(
    train: &'a Matrix,
    test: &'a Matrix,
    labels: &'a [u16],
    class_names: &'a [String],
) -> Scatter<'a> {
    let panel = |title: &str, embedding: &'a Matrix| {
        let labels = &labels[..embedding.n_samples().min(labels.len())];
        Panel { title: title.into(), embedding, labels }
    };
    let panels = vec![vec![panel("Layer 1, train", train), panel("Layer 1, test", test)]];
    Scatter {
        title: "t-SNE".into(),
        panels,
        class_names,
        rows_share_axes: true,
        direct_labels: true,
    }
}

fn pixels(figure: &impl Figure) -> image::RgbImage {
    image::load_from_memory(&raster(figure).unwrap().0).unwrap().to_rgb8()
}

/// Number of pixels that have exactly this colour.
fn count(image: &image::RgbImage, color: Color) -> usize {
    image.pixels().filter(|pixel| pixel.0 == [color.0, color.1, color.2]).count()
}

#[test]
fn files_are_the_same_every_time_and_have_the_stated_size() {
    let folder = tempfile::tempdir().unwrap();
    let figure = History {
        title: "Training history".into(),
        train: Curves { loss: &[0.9, f32::NAN, 0.4], accuracy: &[0.6, 0.8, 0.9] },
        validation: Curves { loss: &[0.8, 0.5, 0.6], accuracy: &[0.7, 0.8, 0.8] },
        test: Some(Curves { loss: &[0.7, 0.625, 0.6], accuracy: &[0.7, 0.75, 0.8] }),
    };
    let read = |saved: Saved| [saved.png, saved.svg].map(|path| std::fs::read(path).unwrap());
    let first = save(&figure, &folder.path().join("history-0.5")).unwrap();
    assert!(first.png.ends_with("history-0.5.png") && first.svg.ends_with("history-0.5.svg"));
    assert_eq!(first.missing_letters, "");
    let first = read(first);
    assert_eq!(first, read(save(&figure, &folder.path().join("again")).unwrap()));
    let image = image::load_from_memory(&first[0]).unwrap();
    assert_eq!((image.width(), image.height()), figure.size());
    let svg = String::from_utf8(first[1].clone()).unwrap();
    assert!(svg.contains(
        "Least validation loss 0.5000 in epoch 2 (dotted line), validation accuracy \
            0.8000, test accuracy 0.7500"
    ));
    assert!(
        ["0.900", "0.625", "0.750"].iter().all(|value| svg.contains(&format!(">{value}<"))),
        "every point has its value"
    );
}

#[test]
fn a_history_may_be_short_or_empty() {
    for n in [0, 1] {
        let values = &[0.5][..n];
        let curves = Curves { loss: values, accuracy: values };
        let figure =
            History { title: String::new(), train: curves, validation: curves, test: None };
        assert!(count(&pixels(&figure), PALETTE[0]) > 100, "the legend at least");
        assert_eq!(vector(&figure).unwrap().contains("in epoch 1"), n == 1);
    }
}

#[test]
fn a_point_has_the_colour_of_its_class_where_its_coordinates_say() {
    let names = names(3);
    let labels = [0, 1, 2, 0];
    let train = Matrix::new(vec![0.0, 0.0, 10.0, 0.0, 0.0, 10.0, 10.0, 10.0], 4, 2).unwrap();
    let test = Matrix::new(vec![5.0, 5.0], 1, 2).unwrap();
    let figure = Scatter {
        direct_labels: false,
        title: String::new(),
        ..scatter(&train, &test, &labels, &names)
    };
    let image = pixels(&figure);
    // A square of 720, 3 % of which stays free at each side: the panel begins at (28, 68).
    let near = |x: u32, y: u32, color: Color| {
        let pixel = image.get_pixel(x, y).0;
        let expected = WHITE.mix(color, 0.85);
        [expected.0, expected.1, expected.2].iter().zip(pixel).all(|(a, b)| a.abs_diff(b) <= 2)
    };
    let (low, high) = (22, 698);
    assert!(near(28 + low, 68 + high, color(0)), "lower left");
    assert!(near(28 + high, 68 + high, color(1)), "lower right");
    assert!(near(28 + low, 68 + low, color(2)), "upper left");
    assert!(
        near(28 + 720 + 26 + 360, 68 + 360, color(0)),
        "test point in the middle of the training range"
    );
    assert_eq!(image.get_pixel(28 + 360, 68 + 360).0, [255; 3]);
}

/// The colours of the dots beside these names of a legend, a name being a text that begins where it
/// stands.
fn beside(figure: &impl Figure, names: &[&str]) -> Vec<Color> {
    let svg = vector(figure).unwrap();
    let image = pixels(figure);
    let number = |tag: &str, key: &str| -> f64 {
        let (_, value) = tag.split_once(&format!(" {key}=\"")).unwrap();
        value.split('"').next().unwrap().parse().unwrap()
    };
    let color = |name: &&str| {
        let is_name = |tag: &&str| {
            tag.contains("text-anchor=\"start\"") && tag.contains(&format!(">{name}</text>"))
        };
        let tags: Vec<&str> = svg.split("<text").skip(1).filter(is_name).collect();
        assert_eq!(tags.len(), 1, "{name}");
        // The baseline is 0.35 of the size below the middle; the dot is at the left.
        let x = number(tags[0], "x") - 18.0;
        let y = number(tags[0], "y") - 0.35 * number(tags[0], "font-size");
        let pixel = image.get_pixel(x as u32, y as u32).0;
        Color(pixel[0], pixel[1], pixel[2])
    };
    names.iter().map(color).collect()
}

#[test]
fn a_name_of_a_legend_stands_beside_the_colour_of_its_class() {
    let names = ["Bag", "Coat", "Dress", "Shirt"].map(String::from);
    let labels = [0, 1, 2, 3];
    let [bag, coat, dress, shirt] = [0, 1, 2, 3].map(color);
    let map = Matrix::new(vec![0.0, 0.0, 9.0, 0.0, 0.0, 9.0, 9.0, 9.0], 4, 2).unwrap();
    let classes = ["Bag", "Coat", "Dress", "Shirt"];
    assert_eq!(beside(&scatter(&map, &map, &labels, &names), &classes), [bag, coat, dress, shirt]);
    let figure = ClusterMaps {
        title: "DBSCAN".into(),
        maps: vec![("PCA".into(), &map)],
        clusters: &[1, 1, -1, 0],
        classes: Some(Classes { labels: &labels, names: &names }),
    };
    assert_eq!(beside(&figure, &classes), [bag, coat, dress, shirt]);
    assert_eq!(
        beside(&figure, &["0 (1)", "1 (2)", "noise (1)"]),
        [color(3), color(0), cluster_maps::NOISE_COLOR],
        "each in the colour of a class that it shares a point with"
    );
}

#[test]
fn one_place_an_empty_class_and_no_points_can_be_drawn() {
    let names = names(30);
    let same = Matrix::new(vec![3.0; 20], 10, 2).unwrap();
    let empty = Matrix::new(Vec::new(), 0, 2).unwrap();
    for (train, test) in [(&same, &empty), (&empty, &empty)] {
        let figure = scatter(train, test, &[2; 10], &names);
        let image = pixels(&figure);
        assert!(count(&image, color(2)) > 20, "legend");
        assert!(vector(&figure).unwrap().contains("Coat &lt;&amp;&quot;"));
    }
    assert!(
        Scatter { panels: Vec::new(), ..scatter(&same, &empty, &[0; 10], &names) }.size().1 > 100
    );
}

#[test]
fn what_does_not_fit_is_an_error_and_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let names = names(3);
    let line = Matrix::new(vec![1.0, 2.0], 2, 1).unwrap();
    let plane = Matrix::new(vec![1.0, 2.0], 1, 2).unwrap();
    for figure in [scatter(&line, &line, &[0, 0], &names), scatter(&plane, &plane, &[3], &names)] {
        let error = save(&figure, &folder.path().join("map")).unwrap_err();
        assert!(matches!(error, Error::Figure { .. }), "{error}");
    }
    let missing = folder.path().join("missing");
    let error = save(&scatter(&plane, &plane, &[0], &names), &missing.join("map")).unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_class_may_have_no_images() {
    let names = names(2);
    let image = [200; 6];
    let images = vec![vec![&image[..]; 3], Vec::new()];
    let figure = Examples {
        title: String::new(),
        images,
        pictures: PictureSize { width: 3, height: 2, channels: 1 },
        columns: 2,
        class_names: &names,
    };
    assert_eq!(figure.check(), Ok(()));
    // Two images of 84 x 56, less the frames at their edges.
    let grey = count(&pixels(&figure), Color(200, 200, 200));
    assert!((8_500..=2 * 84 * 56).contains(&grey), "{grey}");
    assert_eq!(vector(&figure).unwrap().matches("<image ").count(), 2);
    assert!(
        Examples { pictures: PictureSize { width: 4, ..figure.pictures }, ..figure.clone() }
            .check()
            .is_err()
    );
    assert!(
        Examples { pictures: PictureSize { channels: 3, ..figure.pictures }, ..figure }
            .check()
            .is_err()
    );
}

/// Squares of 28 pixels in PNG, and the very values in SVG.
#[test]
fn images_in_colour_are_drawn_in_colour() {
    let names = names(1);
    let values: Vec<u8> =
        [[250, 20, 30], [20, 250, 40], [30, 40, 250], [200, 180, 10], [90, 0, 160], [0, 120, 130]]
            .concat();
    let figure = Examples {
        title: String::new(),
        images: vec![vec![&values[..]]],
        pictures: PictureSize { width: 3, height: 2, channels: 3 },
        columns: 1,
        class_names: &names,
    };
    assert_eq!(figure.check(), Ok(()));
    let image = pixels(&figure);
    for pixel in values.chunks(3) {
        let found = count(&image, Color(pixel[0], pixel[1], pixel[2]));
        assert!((26 * 26..=28 * 28).contains(&found), "{pixel:?}: {found} pixels");
    }
    let svg = vector(&figure).unwrap();
    let encoded = svg.split_once("base64,").unwrap().1.split_once('"').unwrap().0;
    let file = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, encoded).unwrap();
    assert_eq!(image::load_from_memory(&file).unwrap().to_rgb8().into_raw(), values);
}

#[test]
fn bars_are_as_high_as_their_values() {
    let panel =
        |value| BarPanel { title: "k = 5".into(), values: vec![vec![Some(value)], vec![None]] };
    let bars = |value| Bars {
        title: "k-NN accuracy".into(),
        groups: vec!["raw".into()],
        series: vec!["all dimensions".into(), "PCA".into()],
        panels: vec![panel(value)],
    };
    let [none, half, full] = [0.0, 0.5, 1.0].map(|value| count(&pixels(&bars(value)), color(0)));
    assert!((full - half).abs_diff(half - none) < 120, "{none} {half} {full}");
    assert!(vector(&bars(0.5)).unwrap().contains(">0.500<"));
    assert!(bars(1.5).check().unwrap_err().contains("1.5"));
    assert!(bars(f32::NAN).check().is_err());
}

#[test]
fn a_cell_is_as_dark_as_its_share_and_its_number_stays_readable() {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let figure = HeatMap::of_counts(
        "label against cluster".into(),
        ("label".into(), names(&["Bag", "Coat"])),
        ("cluster".into(), names(&["0", "1"])),
        &[vec![30, 10], vec![0, 0]],
    );
    assert_eq!(figure.check(), Ok(()));
    let svg = vector(&figure).unwrap();
    let dark = |share: f64| WHITE.mix(Color(0x0b, 0x3c, 0x6f), share).hex();
    assert!(svg.contains(&dark(0.75)) && svg.contains(&dark(0.25)), "shares of the row");
    assert!(svg.contains(&format!("fill=\"{}\">30<", WHITE.hex())), "white on dark");
    assert!(svg.contains(&format!("fill=\"{}\">10<", CELL_INK.hex())), "black on light");
    assert_eq!(pixels(&figure).dimensions(), figure.size());
    let values = HeatMap { shading: Shading::Value, decimals: 2, ..figure.clone() };
    let svg = vector(&values).unwrap();
    assert!(svg.contains(&dark(1.0)) && svg.contains(">30.00<"));
    assert!(HeatMap { values: vec![vec![1.0, 2.0]], ..figure.clone() }.check().is_err());
    assert!(HeatMap { values: vec![vec![f64::NAN, 2.0], vec![0.0; 2]], ..figure }.check().is_err());
}

#[test]
fn clusters_and_classes_of_a_map_stand_side_by_side_and_noise_is_grey() {
    let names = names(2);
    let map = Matrix::new(vec![0.0, 0.0, 10.0, 0.0, 0.0, 10.0, 10.0, 10.0], 4, 2).unwrap();
    let figure = ClusterMaps {
        title: String::new(),
        maps: vec![("PCA".into(), &map)],
        clusters: &[1, 0, -1, 1],
        classes: Some(Classes { labels: &[0, 1, 1, 0], names: &names }),
    };
    assert_eq!(figure.check(), Ok(()));
    let svg = vector(&figure).unwrap();
    for words in
        ["PCA, by cluster", "PCA, by class", ">0 (1)<", ">1 (2)<", ">noise (1)<", "T-shirt/top"]
    {
        assert!(svg.contains(words), "{words}");
    }
    let image = pixels(&figure);
    // The panel begins at (28, 68) and is a square of 640, 3 % of which stays free at each side.
    let near = |x: u32, y: u32, color: Color| {
        let pixel = image.get_pixel(x, y).0;
        let expected = WHITE.mix(color, 0.85);
        [expected.0, expected.1, expected.2].iter().zip(pixel).all(|(a, b)| a.abs_diff(b) <= 2)
    };
    let (low, high) = (19, 621);
    // Names stand at the middles, which are the upper right and the lower right point.
    assert!(
        near(28 + low, 68 + high, color(0)),
        "lower left is of cluster 1, whose points are of class 0"
    );
    assert!(near(28 + low, 68 + low, cluster_maps::NOISE_COLOR), "upper left is noise");
    let many: Vec<i32> = (0..100).map(|i| i % 40).collect();
    let line = Matrix::new((0..200).map(|i| i as f32).collect(), 100, 2).unwrap();
    let figure = ClusterMaps {
        title: "k-means".into(),
        maps: vec![("map".into(), &line)],
        clusters: &many,
        classes: None,
    };
    let svg = vector(&figure).unwrap();
    assert!(svg.contains("and 25 smaller") && !svg.contains("by class"));
    assert!(ClusterMaps { clusters: &many[1..], ..figure.clone() }.check().is_err());
    assert!(ClusterMaps { clusters: &[-2; 100], ..figure }.check().is_err());
}

#[test]
fn many_maps_of_clusters_stand_side_by_side_by_class_below() {
    let names = names(2);
    let map = Matrix::new(vec![0.0, 0.0, 10.0, 0.0, 0.0, 10.0, 10.0, 10.0], 4, 2).unwrap();
    let maps = ["PCA", "t-SNE", "UMAP", "TriMAP"].map(|title| (title.to_owned(), &map));
    let figure = ClusterMaps {
        title: String::new(),
        maps: maps.to_vec(),
        clusters: &[-1, 0, 0, -1],
        classes: Some(Classes { labels: &[1, 0, 0, 1], names: &names }),
    };
    let (width, height) = figure.size();
    assert!(width > height, "{width} x {height}");
    let image = pixels(&figure);
    let corner = |column: u32, row: u32| {
        // Panels are squares of 480, 15 apart, below titles; 3 % stay free at each side.
        let pixel = image.get_pixel(28 + 495 * column + 14, 68 + 550 * row + 466).0;
        [pixel[0], pixel[1], pixel[2]]
    };
    let expected = |color: Color| {
        let Color(r, g, b) = WHITE.mix(color, 0.85);
        [r, g, b]
    };
    let close = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 2);
    for column in 0..4 {
        assert!(close(corner(column, 0), expected(cluster_maps::NOISE_COLOR)), "{column}");
        assert!(close(corner(column, 1), expected(color(1))), "{column}");
    }
}

#[test]
fn a_gallery_has_two_halves() {
    let image = [200; 6];
    let rows = vec![
        GalleryRow {
            name: "cluster 0".into(),
            note: "3, Bag".into(),
            images: [vec![&image[..]; 2], vec![&image[..]]],
        },
        GalleryRow {
            name: "cluster 1".into(),
            note: String::new(),
            images: [Vec::new(), Vec::new()],
        },
    ];
    let headings = ["most central".into(), "most peripheral".into()];
    let figure = Gallery {
        title: "k-means".into(),
        headings,
        rows,
        pictures: PictureSize { width: 3, height: 2, channels: 1 },
        columns: 2,
    };
    assert_eq!(figure.check(), Ok(()));
    let svg = vector(&figure).unwrap();
    assert_eq!(svg.matches("<image ").count(), 3);
    assert!(
        ["most central", "most peripheral", "cluster 1", "3, Bag"]
            .iter()
            .all(|words| svg.contains(words))
    );
    assert!(
        Gallery { pictures: PictureSize { width: 4, ..figure.pictures }, ..figure }
            .check()
            .is_err()
    );
}

#[test]
fn an_image_has_its_caption_below_it_however_long() {
    let image = [200; 6];
    let of = |first: &str| CaptionedImage {
        pixels: &image,
        lines: vec![first.into(), "more likely Coat".into(), "test 17: label".into()],
    };
    let figure = Captioned {
        title: "The first 7 points to look at".into(),
        images: (0..7).map(|at| of(&format!("class {at}{}", " long".repeat(at * 4)))).collect(),
        pictures: PictureSize { width: 3, height: 2, channels: 1 },
        columns: 6,
    };
    assert_eq!(figure.check(), Ok(()));
    let svg = vector(&figure).unwrap();
    assert_eq!(svg.matches("<image ").count(), 7);
    assert_eq!(svg.matches(">more likely Coat</text>").count(), 7);
    assert!(svg.contains(">class 0</text>") && svg.contains("…</text>"));
    // A second row, for the seventh image.
    let one = Captioned { images: figure.images[..6].to_vec(), ..figure.clone() };
    assert!(figure.size().1 > one.size().1 && figure.size().0 == one.size().0);
    assert!(
        Captioned { pictures: PictureSize { channels: 3, ..figure.pictures }, ..figure }
            .check()
            .is_err()
    );
}

#[test]
fn a_point_of_a_cloud_lies_where_its_numbers_say_in_the_colour_of_its_group() {
    let mut figure = Cloud {
        title: String::new(),
        x_title: "x".into(),
        y_title: "y".into(),
        x: (0.0, 1.0),
        y: (0.0, 1.0),
        groups: vec![
            ("low".into(), vec![(0.5, 0.25)]),
            ("none".into(), Vec::new()),
            ("high".into(), vec![(0.5, 0.75)]),
        ],
    };
    let image = pixels(&figure);
    let mean_height = |wanted: Color| {
        // Left of the legend.
        let is_dot = |&(x, _, pixel): &(u32, u32, &image::Rgb<u8>)| {
            let difference = |at: usize, value: u8| i32::from(pixel.0[at]).abs_diff(value.into());
            x < image.width() / 2
                && difference(0, wanted.0) + difference(1, wanted.1) + difference(2, wanted.2) < 120
        };
        let heights: Vec<u32> =
            image.enumerate_pixels().filter(is_dot).map(|(_, y, _)| y).collect();
        assert!(!heights.is_empty(), "{wanted:?}");
        heights.iter().sum::<u32>() / heights.len() as u32
    };
    let (low, high) = (mean_height(PALETTE[2]), mean_height(PALETTE[0]));
    // Half of the upright axis lies between them.
    assert!((low - high).abs_diff(260) < 4, "{low} and {high}");
    figure.groups[0].1[0].0 = f64::NAN;
    assert!(figure.check().is_err());
    figure.groups.clear();
    assert!(figure.check().is_err());
}

#[test]
fn a_layer_of_the_profile_has_its_place() {
    let panel = ProfilePanel {
        title: "accuracy".into(),
        series: vec![("probe".into(), vec![Some(0.5), None, Some(0.7), Some(0.8), Some(0.9)])],
        rule: None,
        is_logarithmic: false,
        range: None,
    };
    let figure = LayerProfile {
        title: String::new(),
        layers: names(5),
        spacing: SPACING,
        x_title: String::new(),
        panels: vec![panel.clone(), panel],
    };
    let image = pixels(&figure);
    let (width, height) = (f64::from(image.width()), f64::from(image.height()));
    for (layer, values) in figure.panels[0].series[0].1.iter().enumerate() {
        let [left, top, across, down] = figure.place(layer);
        assert!(left > 0.0 && top > 0.0 && left + across < 1.0 && top + down <= 1.0);
        // The dots of a layer, and no other's, stand in the middle of its place.
        let middle = ((left + across / 2.0) * width) as u32;
        let rows = (top * height) as u32..((top + down) * height) as u32;
        let is_dot = |&y: &u32| {
            (middle - 3..middle + 3)
                .all(|x| image.get_pixel(x, y).0 == [color(0).0, color(0).1, color(0).2])
        };
        assert_eq!(rows.filter(is_dot).count() > 0, values.is_some(), "layer {layer}");
    }
}

#[test]
fn a_k_distance_curve_marks_the_suggested_and_the_used_radius() {
    let distances = [0.1, 0.2, 0.3, 4.0];
    let figure = KDistanceCurve {
        title: "k-distance".into(),
        distances: &distances,
        min_samples: 4,
        suggested: Some(f64::from(0.3_f32)),
        used: Some(0.25),
    };
    let svg = vector(&figure).unwrap();
    // Two and three of four points lie at most that far from their fourth.
    assert!(
        svg.contains("eps 0.3000, suggested")
            && svg.contains("eps 0.2500, used")
            && svg.contains("4-th nearest")
    );
    assert!(svg.contains("50.0 % of the points") && svg.contains("75.0 % of the points"));
    let same = vector(&KDistanceCurve { used: Some(0.3), ..figure.clone() }).unwrap();
    assert!(same.contains("suggested and used"));
    let none = KDistanceCurve { distances: &[0.0], suggested: None, used: None, ..figure.clone() };
    assert!(none.check().is_ok() && vector(&none).is_ok());
    assert!(KDistanceCurve { distances: &[], ..figure }.check().is_err());
}

#[test]
fn thirty_classes_have_thirty_colours() {
    let colors: std::collections::BTreeSet<String> =
        (0..30).map(|index| color(index).hex()).collect();
    assert_eq!(colors.len(), 30);
    assert_eq!(color(0).hex(), "#3f90da");
}
