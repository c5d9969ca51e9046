//! Animated maps: what another reader of the format finds in them.

use layerlens::matrix::Matrix;
use layerlens::report::figures::{Animation, PALETTE, Stop};
use std::path::Path;

/// Frames that are shown, composed as a viewer does, with their times.
fn decoded(path: &Path) -> (u16, u16, Vec<(Vec<u8>, u16)>) {
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(std::fs::File::open(path).unwrap()).unwrap();
    let (width, height) = (decoder.width(), decoder.height());
    let mut screen = vec![0; usize::from(width) * usize::from(height) * 4];
    let mut frames = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        for (at, pixel) in
            frame.buffer.chunks_exact(4).enumerate().filter(|(_, pixel)| pixel[3] > 0)
        {
            let x = at % usize::from(frame.width);
            let y = at / usize::from(frame.width);
            let place =
                ((y + usize::from(frame.top)) * usize::from(width) + x + usize::from(frame.left))
                    * 4;
            screen[place..place + 4].copy_from_slice(pixel);
        }
        frames.push((screen.clone(), frame.delay));
    }
    assert_eq!(decoder.repeat(), gif::Repeat::Infinite);
    (width, height, frames)
}

/// Middle of the pixels of class `class` inside the map, or none.
fn middle(screen: &[u8], width: u16, class: usize) -> Option<(f64, f64)> {
    let color = PALETTE[class];
    // The legend lies to the right of the map.
    let of_class = screen.chunks_exact(4).enumerate().filter_map(|(at, pixel)| {
        let x = at % usize::from(width);
        let y = at / usize::from(width);
        (x < 490 && pixel[..3] == [color.0, color.1, color.2]).then_some((x as f64, y as f64))
    });
    let found: Vec<(f64, f64)> = of_class.collect();
    let n = found.len() as f64;
    (n > 0.0).then(|| found.iter().fold((0.0, 0.0), |(x, y), at| (x + at.0 / n, y + at.1 / n)))
}

#[test]
fn an_animation_has_its_frames_and_its_points_go_from_map_to_map() {
    // Two points; the second goes from the right to the upper left.
    let maps: Vec<Matrix> = [[0.0, 0.0, 10.0, 0.0], [0.0, 0.0, 10.0, 0.0], [0.0, 0.0, 0.0, 10.0]]
        .map(|at| Matrix::new(at.to_vec(), 2, 2).unwrap())
        .into();
    let names = ["Coat".to_owned(), "Bag".to_owned()];
    let stop = |(at, map)| Stop { caption: format!("epoch {at}"), map };
    let animation = Animation {
        title: "t-SNE".into(),
        maps: maps.iter().enumerate().map(stop).collect(),
        labels: &[0, 1],
        class_names: &names,
    };
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("map.gif");
    animation.save(&path).unwrap();
    let (width, height, frames) = decoded(&path);
    assert_eq!((width, height), animation.size());
    assert_eq!((frames.len(), animation.n_frames()), (3 + 2 * 8, 3 + 2 * 8));
    let stops = [0, 9, 18];
    assert!(stops.iter().all(|&stop| frames[stop].1 >= 40), "a map is held");
    assert!(
        (0..19).filter(|at| !stops.contains(at)).all(|at| frames[at].1 == 5),
        "20 frames a second between them"
    );
    let of = |frame: usize, class| middle(&frames[frame].0, width, class).unwrap();
    let (still, moving): (Vec<_>, Vec<_>) =
        (0..19).map(|frame| (of(frame, 0), of(frame, 1))).unzip();
    assert!(still.iter().all(|at| *at == still[0]));
    assert!(moving[..=9].iter().all(|at| *at == moving[0]), "nothing moves between equal maps");
    assert!(
        moving[9..].windows(2).all(|pair| pair[1].0 < pair[0].0 && pair[1].1 < pair[0].1),
        "to the left and upwards: {moving:?}"
    );
    let (from, to) = (moving[0], moving[18]);
    assert!((from.1 - still[0].1).abs() < 1.0 && (to.0 - still[0].0).abs() < 1.0);
    // Equal scales on both axes.
    assert!(((from.0 - to.0) - (from.1 - to.1)).abs() < 2.0, "{from:?} {to:?}");
    // The captions differ, so the pixels above the map do.
    let head = |frame: usize| frames[frame].0[..usize::from(width) * 4 * 60].to_vec();
    assert!(head(0) != head(9) && head(9) == head(17) && head(9) != head(18));
}

#[test]
fn one_map_is_a_picture_and_parts_that_do_not_fit_are_refused() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("map.gif");
    let map = Matrix::new(vec![1.0; 6], 3, 2).unwrap();
    let names: Vec<String> = (0..256).map(|class| format!("class {class}")).collect();
    let of = |labels: &'static [u16], class_names| Animation {
        title: String::new(),
        maps: vec![Stop { caption: String::new(), map: &map }],
        labels,
        class_names,
    };
    of(&[0, 100, 255], &names).save(&path).unwrap();
    assert_eq!(decoded(&path).2.len(), 1);
    std::fs::remove_file(&path).unwrap();
    assert!(of(&[0, 1], &names).save(&path).unwrap_err().to_string().contains("2 labels"));
    assert!(of(&[0, 1, 3], &names[..3]).save(&path).unwrap_err().to_string().contains("label 3"));
    assert!(!path.exists());
}
