//! Groups of classes: the built-in ones, files, and what is wrong with them.

use super::{input_error, put};
use layerlens::dataset::{Dataset, LabelGroups, Request};
use std::path::Path;
use tempfile::TempDir;

fn sample(groups: &str) -> Result<Dataset, layerlens::Error> {
    Dataset::open(&Request {
        label_groups: Some(groups.into()),
        ..Request::new("fashion-mnist-sample")
    })
}

#[test]
fn the_five_groups_of_clothes_are_built_in() {
    let plain = Dataset::load("fashion-mnist-sample", None).unwrap();
    let data = sample("fashion-5").unwrap();
    assert_eq!(
        data.class_names,
        ["T-shirt, Shirt", "Sandal", "Trouser, Pullover", "Sneaker, Bag", "Dress, Coat, Boot"]
    );
    // T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot.
    let label = [0, 2, 2, 4, 4, 1, 0, 3, 3, 4];
    let expected = |labels: &[u16]| {
        labels.iter().map(|&class| label[usize::from(class)]).collect::<Vec<u16>>()
    };
    assert_eq!(data.train.labels, expected(&plain.train.labels));
    assert_eq!(data.test.labels, expected(&plain.test.labels));
    assert!(data.train.images == plain.train.images);
    let original = data.original.unwrap();
    assert_eq!((original.members(4), original.members(1)), (vec![3, 4, 9], vec![5]));
    assert_eq!(original.groups, label);
    assert_eq!(
        (original.train, original.test, original.class_names),
        (plain.train.labels, plain.test.labels, plain.class_names)
    );
    assert_eq!(data.sources.last().unwrap().name, "embedded:label-groups/fashion-5.toml");
}

#[test]
fn groups_are_read_from_toml_and_csv_by_name_and_number() {
    let folder = TempDir::new().unwrap();
    let text = "[[group]]\nname = \"shoes\"\nclasses = [5, \"Sneaker\", \"Ankle boot\"]\n[[group]]\nname = \"rest\"\nclasses = [0, 1, 2, 3, 4, 6, 8]\n";
    let toml = put(&folder, "a.toml", text.as_bytes());
    let text = "class,group\nSandal,shoes\n0,rest\nTrouser,rest\n2,rest\nDress,rest\n4,rest\n6,rest\n7,shoes\n8,rest\nAnkle boot,shoes\n";
    let csv = put(&folder, "a.csv", text.replace('\n', "\r\n").as_bytes());
    for path in [toml, csv] {
        let data = sample(path.to_str().unwrap()).unwrap();
        assert_eq!(data.class_names, ["shoes", "rest"]);
        let original = data.original.unwrap();
        assert_eq!(
            (original.members(0), original.groups),
            (vec![5, 7, 9], vec![1, 1, 1, 1, 1, 0, 1, 0, 1, 0])
        );
    }
}

/// Folders called by numbers: the class of the name is meant and not the one at the place.
#[test]
fn a_number_is_a_name_first() {
    let folder = TempDir::new().unwrap();
    let mut data = Dataset::load("fashion-mnist-sample", None).unwrap();
    data.class_names = ["1", "2", "10", "03", "a", "b", "c", "d", "e", "f"].map(Into::into).into();
    let toml = "[[group]]\nname = \"x\"\nclasses = [1, 10, 4]\n[[group]]\nname = \"y\"\nclasses = [2, \"03\", 5, 6, 7, 8, 9]\n";
    let csv = "class,group\n1,x\n10,x\n4,x\n2,y\n03,y\n5,y\n6,y\n7,y\n8,y\n9,y\n";
    for (name, text) in [("a.toml", toml), ("a.csv", csv)] {
        let mut data = data.clone();
        LabelGroups::open(put(&folder, name, text.as_bytes()).to_str().unwrap())
            .unwrap()
            .apply(&mut data)
            .unwrap();
        assert_eq!(data.original.unwrap().groups, [0, 1, 0, 1, 0, 1, 1, 1, 1, 1], "{name}");
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let folder = TempDir::new().unwrap();
    let open = |text: &str| {
        let path = put(&folder, "g.toml", format!("\u{feff}{text}").as_bytes());
        (LabelGroups::open(path.to_str().unwrap()), path)
    };
    open("[[group]]\nname = \"a\"\nclasses = [1]\n").0.unwrap();
    // Letters of several bytes, where the place of the fault would be amid one if it were counted
    // from the mark.
    for text in [
        "é = 1\n",
        "[[group]]\nname = \"ééé\"\nclässes = [1]\n",
        "[[group]]\nname = \"é\"\nclasses = [é]\n",
    ] {
        let (opened, path) = open(text);
        let message = input_error(opened, &path);
        assert!(message.starts_with("line "), "{message}");
    }
    let (opened, path) = open("[[group]]\nname = \"é\"\nclasses = [é]\n");
    assert!(input_error(opened, &path).starts_with("line 3: "));
}

#[test]
fn groups_that_do_not_fit_are_refused() {
    let folder = TempDir::new().unwrap();
    let group = |name: &str, classes: &str| {
        format!("[[group]]\nname = \"{name}\"\nclasses = [{classes}]\n")
    };
    let all = "0, 1, 2, 3, 4, 5, 6, 7, 8";
    let with = |classes: &str| group("a", all) + &group("b", classes);
    let cases = [
        (group("a", all), "class 9 (Ankle boot) is in no group"),
        (with("9, \"Shirt\""), "class 6 (Shirt) is in two groups: `a` and `b`"),
        (group("a", &format!("{all}, 9, 9")), "class 9 (Ankle boot) is twice in `a`"),
        (
            with("9, 10"),
            "group 1, `b`: 10 is no class of fashion-mnist-sample, whose classes are T-shirt/top",
        ),
        (with("-1"), "group 1, `b`: -1 is no class"),
        (with("\"Boots\""), "group 1, `b`: `Boots` is no class"),
        (with(""), "group 1, `b`, has no classes"),
        (group("a", all) + &group("a", "9"), "groups 0 and 1 are both called `a`"),
        (group("", all), "group 0 has an empty name"),
        ("group = []\n".into(), "has no groups"),
        ("[[group]]\nname = \"a\"\nclasses = [1, 2\n".into(), "line 3"),
        ("[[group]]\nname = \"a\"\nmembers = [1]\n".into(), "line 3: unknown field `members`"),
        ("[[group]]\nname = \"a\"\n".into(), "missing field `classes`"),
        (String::new(), "missing field `group`"),
    ];
    for (text, expected) in cases {
        let path = put(&folder, "g.toml", text.as_bytes());
        let message = input_error(sample(path.to_str().unwrap()), &path);
        assert!(message.contains(expected), "{message}\n{text}");
    }
    let path = put(&folder, "g.csv", b"class,label\n1,a\n");
    assert!(
        input_error(LabelGroups::open(path.to_str().unwrap()), &path)
            .contains("line 1 is `class,label`: expected the header")
    );
    let path = put(&folder, "g.csv", b"class,group\n1,a\n2\n");
    assert!(input_error(LabelGroups::open(path.to_str().unwrap()), &path).starts_with("line 3: "));
    let path = put(&folder, "g.csv", b"class,group\n0,a\n1,a\0b\n");
    assert_eq!(
        input_error(LabelGroups::open(path.to_str().unwrap()), &path),
        "line 3 holds the control character U+0000"
    );
    let message = input_error(LabelGroups::open("fashion-6"), Path::new("fashion-6"));
    assert!(message.contains("one of fashion-5, fashion-5-names"), "{message}");
}
