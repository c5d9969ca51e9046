//! Labels of anybody's points: numbers and names, arrays and text, read alike by every command that
//! takes them.

use crate::support::{Place, groups, manifest};
use std::fs;
use std::path::Path;

const NAMES: [&str; 3] = ["zebra", "ant", "owl"];

/// A `.npy` file.
pub fn write_npy(path: &Path, descr: &str, shape: &str, values: &[u8]) {
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}").into_bytes();
    header.resize(117, b' ');
    header.push(b'\n');
    let head =
        [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), &header].concat();
    fs::write(path, [&head, values].concat()).unwrap();
}

/// The name of each of 120 rows.
fn names() -> Vec<&'static str> {
    groups(120).iter().map(|&group| NAMES[group as usize]).collect()
}

fn lines(header: &str, line: impl Fn(usize, &str) -> String) -> String {
    let rows =
        names().iter().enumerate().map(|(row, name)| line(row, name) + "\n").collect::<String>();
    header.to_owned() + &rows
}

/// 120 points with the same labels in every kind of file: those of names, and those of numbers.
fn place_with_labels() -> (Place, Vec<&'static str>, Vec<&'static str>) {
    let place = Place::with_points();
    let write = |name: &str, text: String| fs::write(place.path(name), text).unwrap();
    write("plain.csv", lines("", |_, name| name.into()));
    write("plain.txt", lines("", |_, name| name.into()));
    write("headed.csv", lines("\u{feff}label\r\n", |_, name| format!("{name}\r")));
    write("species.csv", lines("species\n", |_, name| format!("\"{name}\"")));
    write(
        "table.csv",
        lines("cell,label,batch\n", |row, name| format!("c{row},{name},{}", row % 2)),
    );
    write("table.tsv", lines("cell\tclass\n", |row, name| format!("c, {row}\t{name}")));
    write("numbers.csv", lines("y\n", |row, _| format!("{}.0", row % 3)));
    let padded = |name: &str, size: usize| {
        name.bytes().chain(std::iter::repeat(0)).take(size).collect::<Vec<u8>>()
    };
    let bytes: Vec<u8> = names().iter().flat_map(|name| padded(name, 6)).collect();
    write_npy(&place.path("bytes.npy"), "|S6", "(120,)", &bytes);
    let wide = |big: bool| -> Vec<u8> {
        let letter = |letter: u8| {
            if big { u32::from(letter).to_be_bytes() } else { u32::from(letter).to_le_bytes() }
        };
        names().iter().flat_map(|name| padded(name, 7)).flat_map(letter).collect()
    };
    write_npy(&place.path("strings.npy"), "<U7", "(120,)", &wide(false));
    write_npy(&place.path("column.npy"), ">U7", "(120, 1)", &wide(true));
    let numbers =
        |bytes: fn(u32) -> Vec<u8>| groups(120).into_iter().flat_map(bytes).collect::<Vec<u8>>();
    write_npy(
        &place.path("f8.npy"),
        "<f8",
        "(120,)",
        &numbers(|group| f64::from(group).to_le_bytes().to_vec()),
    );
    // 0, 1 and 2 as halves.
    write_npy(
        &place.path("f2.npy"),
        ">f2",
        "(120,)",
        &numbers(|group| vec![[0, 0x3c, 0x40][group as usize], 0]),
    );
    write_npy(
        &place.path("i2.npy"),
        ">i2",
        "(120, 1)",
        &numbers(|group| (group as i16).to_be_bytes().to_vec()),
    );
    write_npy(
        &place.path("u8.npy"),
        "<u8",
        "(120,)",
        &numbers(|group| u64::from(group).to_le_bytes().to_vec()),
    );
    let named = vec![
        "plain.csv",
        "plain.txt",
        "headed.csv",
        "species.csv",
        "table.csv",
        "table.tsv",
        "bytes.npy",
        "strings.npy",
    ];
    (
        place,
        [named, vec!["column.npy"]].concat(),
        vec!["labels.npy", "numbers.csv", "f8.npy", "f2.npy", "i2.npy", "u8.npy"],
    )
}

#[test]
fn every_command_reads_every_kind_of_labels() {
    let (place, named, numbered) = place_with_labels();
    place.points("map.npy", 120, 2);
    let classes = |file: &str, named: bool| {
        let out = format!("out_{file}");
        let labels = format!("--labels {file}");
        place.succeed(&format!("embed x.npy {labels} --method pca --device cpu --out e_{out}"));
        place.succeed(&format!("evaluate x.npy {labels} --device cpu --out v_{out}"));
        place.succeed(&format!("cluster x.npy {labels} --device cpu --out c_{out}"));
        place
            .succeed(&format!("report --embedding map.npy {labels} --device cpu --out {out}.html"));
        let per_class =
            fs::read_to_string(place.path(format!("e_{out}/scores/knn_per_class.csv"))).unwrap();
        let found = if named {
            [",ant,1\n", ",owl,1\n", ",zebra,1\n"]
        } else {
            [",0,1\n", ",1,1\n", ",2,1\n"]
        };
        assert!(found.iter().all(|class| per_class.contains(class)), "{file}: {per_class}");
        let alone = fs::read_to_string(place.path(format!("v_{out}/knn_per_class.csv"))).unwrap();
        assert!(found.iter().all(|class| alone.contains(class)), "{file}: {alone}");
        let clusters =
            fs::read_to_string(place.path(format!("c_{out}/clusters/input_k-means_labels.csv")))
                .unwrap();
        let class_of_row_1 =
            clusters.lines().nth(2).unwrap().rsplit(',').next().unwrap().to_owned();
        assert_eq!(class_of_row_1, if named { "ant" } else { "1" }, "{file}: {clusters}");
        let page = fs::read_to_string(place.path(format!("{out}.html"))).unwrap();
        assert!(page.contains(if named { "3 (ant, owl, zebra)" } else { "3 (0, 1, 2)" }), "{file}");
        manifest(&place.path(format!("e_{out}")))["results"]["knn"].clone()
    };
    let expected = classes(numbered[0], false);
    assert_eq!(expected[0]["knn"][0]["per_class"].as_array().unwrap().len(), 3);
    numbered[1..].iter().for_each(|file| assert_eq!(classes(file, false), expected, "{file}"));
    // Names are other numbers, of the same points.
    named.iter().for_each(|file| {
        assert_eq!(classes(file, true)[0]["knn"][0]["accuracy"], expected[0]["knn"][0]["accuracy"])
    });
}

#[test]
fn a_header_is_said_unless_its_name_leaves_no_doubt() {
    let (place, ..) = place_with_labels();
    for (file, word, certain) in [
        ("headed.csv", "`label`", true),
        ("species.csv", "`species`", false),
        ("numbers.csv", "`y`", true),
    ] {
        let out = format!("out_{file}");
        let stderr = place
            .succeed(&format!("embed x.npy --labels {file} --method pca --device cpu --out {out}"))
            .stderr;
        let said = format!("{file}: line 1, {word}, is taken for the header");
        assert_eq!(stderr.contains(&said), !certain, "{stderr}");
        let warnings = manifest(&place.path(out))["warnings"].to_string();
        assert_eq!(warnings.contains(&said), !certain, "{warnings}");
    }
}

#[test]
fn labels_with_letters_that_nobody_writes_are_refused() {
    let place = Place::with_points();
    let row_7 = |bytes: [u8; 4]| -> Vec<u8> {
        let words = names().into_iter().enumerate().flat_map(|(row, name)| {
            let letter = |(at, letter): (usize, u8)| {
                if (row, at) == (7, 1) { bytes } else { u32::from(letter).to_le_bytes() }
            };
            name.bytes().chain([0; 4]).take(5).enumerate().flat_map(letter).collect::<Vec<u8>>()
        });
        words.collect()
    };
    for (bytes, what) in [
        ([0, 0, 0x11, 0], "U+110000, which is no character"),
        ([0, 0xd8, 0, 0], "U+D800"),
        ([7, 0, 0, 0], "U+0007"),
    ] {
        write_npy(&place.path("y.npy"), "<U5", "(120,)", &row_7(bytes));
        place.refuse(3, "embed x.npy --labels y.npy --method pca", &["y.npy", "row 7", what]);
    }
    let bytes: Vec<u8> = names()
        .iter()
        .enumerate()
        .flat_map(|(row, name)| [name.as_bytes()[0], [b'x', 0xff][row / 119]])
        .collect();
    write_npy(&place.path("y.npy"), "|S2", "(120,)", &bytes);
    place.refuse(3, "embed x.npy --labels y.npy --method pca", &["y.npy", "row 119", "UTF-8"]);
    for file in ["y.txt", "y.csv"] {
        fs::write(
            place.path(file),
            lines("", |row, name| if row == 7 { "a\0nt".into() } else { name.into() }),
        )
        .unwrap();
        place.refuse(
            3,
            &format!("embed x.npy --labels {file} --method pca"),
            &[file, "line 8", "U+0000"],
        );
    }
}

#[test]
fn a_column_of_several_is_chosen_by_name_or_number() {
    let (place, ..) = place_with_labels();
    let n_classes = |flag: &str, out: &str| {
        place.succeed(&format!("embed x.npy --labels table.csv --label-column {flag} --method pca --device cpu --out {out}"));
        manifest(&place.path(out))["results"]["knn"][0]["knn"][0]["per_class"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        [
            n_classes("label", "a"),
            n_classes("2", "b"),
            n_classes("batch", "c"),
            n_classes("last", "d")
        ],
        [3, 3, 2, 2]
    );
    assert_eq!(n_classes("cell", "e"), 120);
    fs::write(place.path("unnamed.csv"), lines("", |row, name| format!("c{row},{name}"))).unwrap();
    let embed = "embed x.npy --labels unnamed.csv --method pca --device cpu";
    place.refuse(3, embed, &["unnamed.csv", "2 columns", "`c0`, `zebra`", "--label-column"]);
    place.refuse(3, &format!("{embed} --label-column 3"), &["unnamed.csv", "no column 3"]);
    place.refuse(3, &format!("{embed} --label-column kind"), &["unnamed.csv", "no column `kind`"]);
    place.refuse(
        3,
        "embed x.npy --labels f8.npy --label-column 1 --method pca",
        &["f8.npy", "--label-column", ".csv"],
    );
    place.refuse(2, "embed x.npy --label-column 1 --method pca", &["--labels"]);
    place.refuse(
        2,
        "embed x.npy --labels unnamed.csv --label-column 0 --method pca",
        &["counted from 1"],
    );
    place.succeed("cluster x.npy --labels unnamed.csv --label-column 2 --device cpu --out f");
    place.succeed(
        "report --embedding x.csv --labels unnamed.csv --label-column 2 --device cpu --out g.html"
            .replace("x.csv", {
                place.points("map.npy", 120, 2);
                "map.npy"
            })
            .as_str(),
    );
    assert!(fs::read_to_string(place.path("g.html")).unwrap().contains("3 (ant, owl, zebra)"));
}

#[test]
fn labels_that_are_none_are_named() {
    let (place, ..) = place_with_labels();
    let refuse = |text: &str, parts: &[&str]| {
        fs::write(place.path("y.csv"), text).unwrap();
        for command in [
            "embed x.npy --method pca",
            "evaluate x.npy",
            "cluster x.npy",
            "report --embedding x.npy",
        ] {
            if command.starts_with("report") {
                place.points("map.npy", 120, 2);
            }
            let command = command.replace("--embedding x", "--embedding map");
            place.refuse(
                3,
                &format!("{command} --labels y.csv --device cpu"),
                &[&["y.csv"], parts].concat(),
            );
        }
    };
    refuse(
        &lines("", |row, _| format!("{}", row as f64 / 2.0)),
        &["line 2 is 0.5", "whole number or a name"],
    );
    refuse(
        &lines("label\n", |row, _| if row == 7 { "nan".into() } else { "3".into() }),
        &["line 9 is nan"],
    );
    refuse(
        &lines("label,x\n", |row, name| format!("{},1", if row == 7 { "" } else { name })),
        &["line 9 has no label"],
    );
    refuse(
        &lines("", |row, name| if row == 7 { "a,b".into() } else { name.into() }),
        &["line 8 has 2 columns"],
    );
    refuse("a\nb\n", &["2 labels", "120"]);
    write_npy(
        &place.path("y.npy"),
        "<f4",
        "(120,)",
        &[0.5_f32; 120].map(f32::to_le_bytes).concat(),
    );
    place.refuse(
        3,
        "embed x.npy --labels y.npy --device cpu",
        &["y.npy", "row 0 is 0.5", "whole number"],
    );
    write_npy(&place.path("y.npy"), "|u1", "(120, 3)", &[1; 360]);
    place.refuse(3, "embed x.npy --labels y.npy --device cpu", &["y.npy", "(120, 3)", "argmax"]);
    write_npy(
        &place.path("y.npy"),
        "<u8",
        "(120,)",
        &[u64::MAX; 120].map(u64::to_le_bytes).concat(),
    );
    place.refuse(
        3,
        "embed x.npy --labels y.npy --device cpu",
        &["y.npy", "row 0 is 18446744073709551615"],
    );
}

/// Class c of 300 has the points 20 c and 20 c + 1 of a line: the nearest neighbour is of the same
/// class, and of three the other two are not, so that two others outvote it or tie.
#[test]
fn hundreds_of_classes_are_scored_and_drawn() {
    let place = Place::new();
    let line: Vec<f32> =
        (0..600).flat_map(|row| [(20 * (row % 300) + row / 300) as f32, 0.0]).collect();
    layerlens::dataset::npy::write_f32(place.path("map.npy"), &line, &[600, 2]).unwrap();
    place.points("x.npy", 600, 5);
    let names: String = (0..600).map(|row| format!("name {}\n", row % 300)).collect();
    fs::write(place.path("names.csv"), format!("label\n{names}")).unwrap();
    place.succeed("evaluate map.npy --labels names.csv --n-neighbors 1 --device cpu --out scores");
    let table = fs::read_to_string(place.path("scores/knn_per_class.csv")).unwrap();
    assert!(table.contains("name 299"), "{table}");
    assert_eq!(table.lines().filter(|line| line.contains("name ")).count(), 300);
    let table = fs::read_to_string(place.path("scores/knn.csv")).unwrap();
    assert_eq!(table.lines().nth(1).unwrap().split(',').next_back(), Some("1"), "{table}");
    place.succeed("embed x.npy --labels names.csv --method pca --device cpu --out out");
    let svg = fs::read_to_string(place.path("out/figures/map.svg")).unwrap();
    assert!(svg.contains("other (271 classes)") && svg.contains(">name 28<"));
    assert!(!svg.contains(">name 29<"));
    place.succeed("cluster x.npy --labels names.csv --n-clusters 3 --device cpu --out clusters");
    let svg =
        fs::read_to_string(place.path("clusters/figures/input_k-means_contingency.svg")).unwrap();
    assert!(svg.contains("other (271)"));
    let csv = fs::read_to_string(place.path("clusters/clusters/input_k-means_contingency.csv"));
    assert_eq!(csv.unwrap().lines().count(), 301);
    let page = place.succeed("report --embedding map.npy --labels names.csv --device cpu");
    assert!(!page.stderr.contains("no k-NN"), "{}", page.stderr);
    let html = fs::read_to_string(place.path("report.html")).unwrap();
    assert!(html.contains("name 299") && html.contains("k-NN accuracy, k = 5"));
    // More than 16 bits count.
    place.points("long.npy", 70_000, 2);
    place.labels("long_labels.npy", &(0..70_000).collect::<Vec<u32>>());
    place.refuse(
        3,
        "embed long.npy --labels long_labels.npy --method pca --device cpu --out long",
        &["long_labels.npy", "70000 different labels", "at most 65536 classes"],
    );
}

#[test]
fn classes_of_new_points_are_those_of_the_fitted_ones() {
    let place = Place::with_points();
    place.points("new.npy", 30, 5);
    fs::write(place.path("y.csv"), lines("", |_, name| name.into())).unwrap();
    let new = |owl: &str| {
        names()[..30].iter().map(|name| name.replace("owl", owl) + "\n").collect::<String>()
    };
    fs::write(place.path("new.csv"), new("owl")).unwrap();
    let embed =
        "embed x.npy --labels y.csv --new new.npy --new-labels new.csv --method pca --device cpu";
    place.succeed(&format!("{embed} --out a"));
    let scored = manifest(&place.path("a"))["results"]["knn"].clone();
    assert_eq!(
        (&scored[1]["scored_on"], scored[1]["knn"][0]["accuracy"].as_f64()),
        (&"test".into(), Some(1.0))
    );
    fs::write(place.path("new.csv"), new("eagle")).unwrap();
    let stderr = place.succeed(&format!("{embed} --out b")).stderr;
    assert!(stderr.contains("new.csv has classes that y.csv does not have: `eagle`"), "{stderr}");
    place.labels("new.npy.labels.npy", &groups(30));
    let mixed = embed.replace("new.csv", "new.npy.labels.npy");
    place.refuse(3, &mixed, &["new.npy.labels.npy", "holds numbers", "y.csv holds names"]);
}

#[test]
fn names_of_classes_are_given_in_words_or_in_a_file_and_may_be_the_numbers_of_the_labels() {
    let place = Place::with_points();
    place.points("map.npy", 120, 2);
    place.labels("tens.npy", &groups(120).iter().map(|group| 10 * (group + 1)).collect::<Vec<_>>());
    fs::write(place.path("names.txt"), "10\n20\n30\n").unwrap();
    fs::write(place.path("other"), "10\n20\n30\n").unwrap();
    for (at, names) in
        ["10,20,30", "names.txt", "other", "10 --class-names 20,30"].into_iter().enumerate()
    {
        let labels = format!("--labels tens.npy --class-names {names} --device cpu");
        let stderr = place.succeed(&format!("cluster x.npy {labels} --out c{at}")).stderr;
        assert!(!stderr.contains("no point has"), "{stderr}");
        let clusters =
            fs::read_to_string(place.path(format!("c{at}/clusters/input_k-means_labels.csv")))
                .unwrap();
        assert!(clusters.lines().nth(2).unwrap().ends_with(",20"), "{clusters}");
        place.succeed(&format!("report --embedding map.npy {labels} --out {at}.html"));
        let page = fs::read_to_string(place.path(format!("{at}.html"))).unwrap();
        assert!(page.contains("3 (10, 20, 30)"), "{names}");
        // A file is among those that were read.
        let file = names.split(' ').next().unwrap();
        let is_file = !file.starts_with('1');
        assert_eq!(page.contains(&format!("<span>{file}</span></th>")), is_file, "{names}");
        let inputs = manifest(&place.path(format!("c{at}")))["inputs"].clone();
        assert_eq!(inputs.to_string().contains(&format!("\"{file}\"")), is_file, "{inputs}");
    }
    for command in ["cluster x.npy", "report --embedding map.npy"] {
        let command = format!("{command} --labels tens.npy --device cpu --class-names");
        place.refuse(
            3,
            &format!("{command} 10,20"),
            &["tens.npy", "row 2 is `30`", "2 class names"],
        );
        place.refuse(2, &format!("{command} 10,20,20"), &["--class-names", "name 3 is `20` again"]);
        place.refuse(3, &format!("{command} none.txt"), &["none.txt", "cannot be read"]);
    }
}

#[test]
fn what_is_said_of_labels_and_names_tells_file_and_place() {
    let place = Place::with_points();
    place.points("map.npy", 120, 2);
    place.labels("y.npy", &groups(120).iter().map(|group| group + 1).collect::<Vec<_>>());
    fs::write(place.path("y.csv"), lines("y\n", |row, _| (row % 3 + 1).to_string())).unwrap();
    fs::write(
        place.path("mixed.csv"),
        lines("y\n", |row, name| if row == 4 { "1".into() } else { name.into() }),
    )
    .unwrap();
    for (at, command) in ["cluster x.npy", "report --embedding map.npy"].into_iter().enumerate() {
        for (file, first) in [("y.npy", "row 0"), ("y.csv", "line 2")] {
            let command = format!("{command} --labels {file} --device cpu --class-names");
            let stderr = place.succeed(&format!("{command} a,b,c --out {at}{file}.html")).stderr;
            assert!(
                stderr.contains(&format!(
                    "{file}: the labels go from 1 to 3: they are taken to count"
                )),
                "{stderr}"
            );
            place.refuse(
                3,
                &format!("{command} 3,2,1,0"),
                &[file, &format!("{first} is 1, the name of one class and the number of")],
            );
        }
        let command =
            format!("{command} --labels mixed.csv --device cpu --class-names {}", NAMES.join(","));
        place.refuse(
            3,
            &command,
            &["mixed.csv", "line 2 is `zebra`, the name of a class, but line 6 is 1, a number"],
        );
    }
    fs::create_dir(place.path("layers")).unwrap();
    place.points("layers/a_train.npy", 120, 4);
    fs::write(place.path("layers/class_names.txt"), "a\nb\nc\n").unwrap();
    fs::copy(place.path("y.csv"), place.path("layers/labels_train.csv")).unwrap();
    let run = "run --from-activations layers --methods pca --device cpu --out out";
    let stderr = place.succeed(run).stderr;
    assert!(stderr.contains("layers/labels_train.csv: the labels go from 1 to 3"), "{stderr}");
    fs::write(place.path("layers/class_names.txt"), "a\nb\n").unwrap();
    place.refuse(
        3,
        &run.replace("out out", "out no"),
        &["labels_train.csv", "line 3 is 2", "class_names.txt names 0 to 1"],
    );
}

/// With the header there are as many lines as rows: it must not become a class, and shift all
/// others.
#[test]
fn a_header_above_one_label_too_few_is_no_class() {
    let place = Place::with_points();
    let short = names()[..119].join("\n");
    for file in ["y.csv", "y.txt"] {
        fs::write(place.path(file), format!("class\n{short}\n")).unwrap();
        place.refuse(
            3,
            &format!("embed x.npy --labels {file} --method pca"),
            &[file, "line 1 is `class`", "119 labels for 120 rows"],
        );
    }
}

#[test]
fn semicolons_stand_between_columns_where_no_comma_does() {
    let place = Place::with_points();
    for (file, delimiter) in [("commas", ','), ("semicolons", ';')] {
        let text =
            lines(&format!("id{delimiter}label\n"), |row, name| format!("{row}{delimiter}{name}"));
        fs::write(place.path(format!("{file}.csv")), text).unwrap();
        place.succeed(&format!(
            "embed x.npy --labels {file}.csv --method pca --device cpu --out {file}"
        ));
    }
    let scores = |folder: &str| fs::read(place.path(folder).join("scores/knn.csv")).unwrap();
    assert_eq!(scores("semicolons"), scores("commas"));
}

#[test]
fn words_for_missing_values_are_told_to_be_classes() {
    let place = Place::with_points();
    let mut words = names();
    (words[3], words[50]) = ("NaN", "NA");
    fs::write(place.path("y.txt"), words.join("\n")).unwrap();
    let outcome = place.succeed("embed x.npy --labels y.txt --method pca --device cpu --out out");
    let said = "y.txt: 2 labels are `NaN` or the like, which is taken for the name of a class";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
}

#[test]
fn classes_that_only_test_points_have_are_told() {
    let place = Place::new();
    fs::create_dir(place.path("layers")).unwrap();
    for (part, n) in [("train", 90), ("test", 30)] {
        place.points(&format!("layers/dense_{part}.npy"), n, 4);
        let mut labels = groups(n as u32);
        if part == "train" {
            labels.iter_mut().for_each(|label| *label %= 2);
        }
        place.labels(&format!("layers/labels_{part}.npy"), &labels);
    }
    let run = "run --from-activations layers --methods pca --device cpu --out out";
    let stderr = place.succeed(run).stderr;
    let said = "no training point has the classes of 10 test points, which neither k-NN nor a probe can find";
    assert!(stderr.contains(said), "{stderr}");
}

#[test]
fn letters_that_no_font_has_are_told_and_stay_in_the_drawing() {
    let place = Place::with_points();
    // Places that will never be letters, a script that is written from right to left, and letters of
    // the built-in font.
    let names = ["\u{10fffe}", "אב", "Ωραία"];
    let lines = groups(120).into_iter().map(|group| format!("{}\n", names[group as usize]));
    fs::write(place.path("y.txt"), lines.collect::<String>()).unwrap();
    let told = place.succeed("embed x.npy --labels y.txt --method pca --device cpu --out map");
    let warning = "PNG figures have boxes for `\u{10fffe}`, which no font of this machine has; and for \
                   `אב`, of scripts that they cannot set. The SVG figures and the page have the letters";
    assert_eq!(told.stderr.matches(warning).count(), 1, "{}", told.stderr);
    assert_eq!(manifest(&place.path("map"))["warnings"], serde_json::json!([warning]));
    let drawing = fs::read_to_string(place.path("map/figures/map.svg")).unwrap();
    assert!(names.iter().all(|name| drawing.contains(name)));
}
