//! `layerlens data`: looking at data, converting them, and fetching them from servers good and bad.

use crate::server::{Answer, Asked, Server};
use crate::support::{Outcome, Place, finished, manifest, words};
use std::path::Path;

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

/// The files as a server has them, or nothing where the Debian package is not installed.
fn fashion_mnist() -> Option<[Vec<u8>; 4]> {
    let folder = Path::new("/usr/share/datasets/fashion-mnist");
    if !folder.exists() {
        let test = std::thread::current();
        let name = test.name().unwrap_or("a test of fetching");
        let line = format!(
            "skipped, {name}: {} is not there (Debian package dataset-fashion-mnist)\n",
            folder.display()
        );
        // Past the capture: `eprintln!` of a test that passes is not shown.
        #[cfg(unix)]
        let _ = std::fs::OpenOptions::new().write(true).open("/dev/stderr").map(|mut out| {
            let _ = std::io::Write::write_all(&mut out, line.as_bytes());
        });
        #[cfg(not(unix))]
        eprint!("{line}");
        return None;
    }
    Some(NAMES.map(|name| std::fs::read(folder.join(name)).unwrap()))
}

/// Answers as a good server.
fn good(files: &[Vec<u8>; 4], asked: &Asked) -> Answer {
    match NAMES.iter().position(|name| asked.path == format!("/files/{name}")) {
        Some(at) => asked
            .from
            .map_or_else(|| Answer::whole(&files[at]), |from| Answer::part(&files[at], from)),
        None => Answer::status("404 Not Found"),
    }
}

/// `layerlens data fetch`, into `here`, whatever proxy is set.
fn fetch(place: &Place, mirror: &str, flags: &str) -> Outcome {
    let args =
        format!("data fetch fashion-mnist --data-dir here --timeout 1 --mirror {mirror} {flags}");
    let mut command = place.command(&words(&args));
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    finished(&mut command)
}

/// Fetches from a server that always answers so; the first file is refused with all of `parts`.
/// Gives what is left of it.
fn refused(answer: impl Fn() -> Answer + Send + 'static, parts: &[&str]) -> Option<u64> {
    let place = Place::new();
    let server = Server::start(move |_, _| answer());
    let outcome = fetch(&place, &server.url, "");
    outcome.assert_error(3, "data fetch", &[&[server.url.as_str(), NAMES[0]], parts].concat());
    let folder = place.path("here/fashion-mnist");
    assert!(!folder.join(NAMES[0]).exists());
    std::fs::metadata(folder.join(format!("{}.part", NAMES[0]))).ok().map(|metadata| metadata.len())
}

/// Bytes that a gzip file could begin with.
fn gzip_like(n: usize) -> Vec<u8> {
    [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
        .into_iter()
        .chain((0..).map(|at: usize| (at * 7) as u8))
        .take(n)
        .collect()
}

#[test]
fn a_data_set_is_fetched_once_and_then_found() {
    let Some(files) = fashion_mnist() else { return };
    let place = Place::new();
    let served = files.clone();
    let server = Server::start(move |asked, _| good(&served, asked));
    let outcome = fetch(&place, &server.url, "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "fashion-mnist: fetched and verified, in here/fashion-mnist\n");
    assert!(outcome.stderr.contains(NAMES[0]), "{}", outcome.stderr);
    for (name, bytes) in NAMES.iter().zip(&files) {
        assert!(
            &std::fs::read(place.path("here/fashion-mnist").join(name)).unwrap() == bytes,
            "{name}"
        );
    }
    assert_eq!(std::fs::read_dir(place.path("here/fashion-mnist")).unwrap().count(), 4);
    let again = fetch(&place, &server.url, "");
    assert_eq!(again.stdout, "fashion-mnist: was there already, in here/fashion-mnist\n");
    assert_eq!(server.asked().len(), 4);
    let info = place.succeed("data info fashion-mnist --data-dir here");
    assert!(
        info.stdout.starts_with(
            "fashion-mnist: 60000 training and 10000 test images of 28 x 28, 10 classes"
        )
    );
    let list = place.succeed("data list --data-dir here");
    assert!(list.stdout.contains("in here/fashion-mnist"), "{}", list.stdout);
}

#[test]
fn a_broken_connection_is_taken_up_where_it_broke() {
    let Some(files) = fashion_mnist() else { return };
    let place = Place::new();
    let served = files.clone();
    let server = Server::start(move |asked, before| match before {
        0 => {
            let mut answer = Answer::whole(&served[0]);
            answer.body.truncate(1_000_000);
            answer
        }
        _ => good(&served, asked),
    });
    let outcome = fetch(&place, &server.url, "");
    outcome.assert_error(
        3,
        "data fetch",
        &[NAMES[0], "after 1000000 of 26421856 bytes", "the next fetch goes on from there"],
    );
    let part = place.path("here/fashion-mnist").join(format!("{}.part", NAMES[0]));
    assert_eq!(std::fs::metadata(&part).unwrap().len(), 1_000_000);
    let outcome = fetch(&place, &server.url, "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(server.asked()[1].from, Some(1_000_000));
    assert!(
        std::fs::read(place.path("here/fashion-mnist").join(NAMES[0])).unwrap() == files[0]
            && !part.exists()
    );
}

#[test]
fn redirects_are_followed_and_servers_without_parts_begin_again() {
    let Some(files) = fashion_mnist() else { return };
    let place = Place::new();
    let folder = place.path("here/fashion-mnist");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{}.part", NAMES[0])), gzip_like(5000)).unwrap();
    // Whole, where it had to be a part; and the end of this file, complete, where there is nothing
    // left to ask for.
    std::fs::write(folder.join(format!("{}.part", NAMES[1])), &files[1]).unwrap();
    let served = files.clone();
    let target = Server::start(move |asked, _| match asked.from {
        Some(from) if from >= served[1].len() => Answer::status("416 Range Not Satisfiable"),
        _ => good(&served, &Asked { from: None, ..asked.clone() }),
    });
    let to = target.url.clone();
    let server = Server::start(move |asked, _| {
        let name = asked.path.rsplit('/').next().unwrap();
        let mut answer = Answer::status("302 Found");
        answer.head += &format!("\r\nLocation: {to}/{name}");
        answer
    });
    let outcome = fetch(&place, &server.url, "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(target.asked().len(), 4, "{:?}", target.asked());
    for (name, bytes) in NAMES.iter().zip(&files) {
        assert!(&std::fs::read(folder.join(name)).unwrap() == bytes, "{name}");
    }
}

#[test]
fn servers_that_do_not_have_the_file_are_refused() {
    assert_eq!(refused(|| Answer::status("404 Not Found"), &["the server answered 404"]), None);
    assert_eq!(
        refused(|| Answer::status("500 Internal Server Error"), &["the server answered 500"]),
        None
    );
    let page = || Answer::whole(b"\n<!doctype html><title>Log in</title>");
    assert_eq!(refused(page, &["a web page instead of the file"]), None);
    assert_eq!(refused(|| Answer::whole(b"plain"), &["not gzip-compressed"]), None);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = fetch(&Place::new(), &format!("http://{closed}"), "");
    outcome.assert_error(3, "data fetch", &[NAMES[0], "the connection failed"]);
}

#[test]
fn servers_that_stall_or_lie_about_length_are_refused() {
    let silent = || Answer {
        head: "HTTP/1.1 200 OK\r\nContent-Length: 90000".into(),
        body: gzip_like(300),
        stalls: true,
    };
    assert_eq!(refused(silent, &["silent for too long", "after 300 of 90000 bytes"]), Some(300));
    let never = || Answer { head: String::new(), body: Vec::new(), stalls: false };
    assert_eq!(refused(never, &["silent for too long"]), None);
    let short = || Answer {
        head: "HTTP/1.1 200 OK\r\nContent-Length: 90000".into(),
        body: gzip_like(500),
        stalls: false,
    };
    assert_eq!(refused(short, &["after 500 of 90000 bytes"]), Some(500));
    let huge = || Answer {
        head: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999".into(),
        body: gzip_like(500),
        stalls: false,
    };
    assert_eq!(refused(huge, &["announces 99999999999 bytes"]), None);
    // Without a length, what comes is limited all the same.
    let endless =
        || Answer { head: "HTTP/1.1 200 OK".into(), body: gzip_like(48_000_000), stalls: false };
    assert_eq!(refused(endless, &["more than the"]), None);
}

#[test]
fn wrong_content_is_deleted() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &[7; 5000]).unwrap();
    let other = encoder.finish().unwrap();
    let whole = other.clone();
    let parts = [
        "wrong checksum",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "it was deleted",
    ];
    assert_eq!(refused(move || Answer::whole(&whole), &parts), None);
    let torn = other[..other.len() - 5].to_vec();
    assert_eq!(
        refused(move || Answer::whole(&torn), &["is truncated or damaged", "it was deleted"]),
        None
    );
    // A file of that name with other content is not replaced, and not believed.
    let place = Place::new();
    std::fs::create_dir_all(place.path("here/fashion-mnist")).unwrap();
    std::fs::write(place.path("here/fashion-mnist").join(NAMES[0]), &other).unwrap();
    let outcome = fetch(&place, "http://127.0.0.1:9", "");
    outcome.assert_error(
        3,
        "data fetch",
        &[NAMES[0], "is not the file of Fashion-MNIST", "--force"],
    );
    let Some(files) = fashion_mnist() else { return };
    let server = Server::start(move |asked, _| good(&files, asked));
    let outcome = fetch(&place, &server.url, "--force");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
}

/// Archives are checked before anything of them is unpacked.
#[test]
fn another_archive_is_refused() {
    let archives = [
        ("cifar-10", "cifar-10-binary.tar.gz", gzip_like(4000), "is truncated or damaged"),
        ("emnist", "gzip.zip", [b"PK\x03\x04".to_vec(), vec![0; 400]].concat(), "wrong checksum"),
        ("emnist", "gzip.zip", b"\x1f\x8b something".to_vec(), "something that is no archive"),
        ("cifar-10", "cifar-10-binary.tar.gz", b"<html>".to_vec(), "a web page"),
    ];
    for (name, file, body, part) in archives {
        let place = Place::new();
        let server = Server::start(move |_, _| Answer::whole(&body));
        let args = format!("data fetch {name} --data-dir here --mirror {}", server.url);
        let mut command = place.command(&words(&args));
        for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(proxy).env_remove(proxy.to_uppercase());
        }
        let outcome = finished(&mut command);
        outcome.assert_error(3, "data fetch", &[&format!("{}/{file}", server.url), part]);
        let left = std::fs::read_dir(place.path("here").join(name)).unwrap().count();
        assert_eq!(left, 0, "{name}: {part}");
    }
}

#[test]
fn what_is_not_there_is_listed_with_the_command_that_fetches_it() {
    let place = Place::new();
    let mut command = place.command(&["data", "list"]);
    let outcome = finished(command.env("XDG_DATA_HOME", place.path("share")));
    let folder = place.path("share/layerlens/mnist");
    let expected =
        format!("not here; layerlens data fetch mnist puts it into {}", folder.display());
    assert!(outcome.stdout.contains(&expected), "{}", outcome.stdout);
    assert!(
        outcome.stdout.contains("fashion-mnist-sample")
            && outcome.stdout.contains("label groups: fashion-5")
    );
    let held = place.path("share/layerlens/mnist");
    std::fs::create_dir_all(&held).unwrap();
    for name in &NAMES[..3] {
        std::fs::write(held.join(name), []).unwrap();
    }
    let outcome =
        finished(place.command(&["data", "list"]).env("XDG_DATA_HOME", place.path("share")));
    let expected = format!("incomplete in {}: lacks t10k-labels-idx1-ubyte[.gz]", held.display());
    assert!(outcome.stdout.contains(&expected), "{}", outcome.stdout);
    place.refuse(
        2,
        "data fetch cifar",
        &["DATASET = cifar", "fashion-mnist, mnist, kmnist, emnist, cifar-10"],
    );
    let expected = "layerlens data fetch emnist-letters puts it into ";
    assert!(outcome.stdout.contains(expected), "{}", outcome.stdout);
    place.refuse(2, "data fetch mnist --timeout 0", &["--timeout"]);
}

#[test]
fn data_are_described_with_their_groups() {
    let place = Place::new();
    let info = place.succeed("data info fashion-mnist-sample --label-groups fashion-5").stdout;
    assert!(
        info.starts_with(
            "fashion-mnist-sample: 10000 training and 2000 test images of 28 x 28, 5 classes"
        ),
        "{info}"
    );
    let line = info.lines().find(|line| line.contains("Dress, Coat, Boot")).unwrap();
    assert_eq!(
        line.split_whitespace().collect::<Vec<_>>().join(" "),
        "4 Dress, Coat, Boot 3000 600 Dress, Coat, Ankle boot"
    );
    assert!(info.contains("036b3a9440a684e6f8117e910b5dad249f9165250c2ae2341f2bfd8482381497         5089  embedded:"), "{info}");
}

#[test]
fn converted_data_are_trained_on_and_their_names_travel() {
    let place = Place::new();
    let convert = "data convert fashion-mnist-sample csv --format csv --label-groups fashion-5";
    let outcome = place.succeed(convert);
    assert!(outcome.stdout.contains("csv/x_train.csv"), "{}", outcome.stdout);
    place.start(convert).assert_error(
        1,
        convert,
        &["csv/x_train.csv", "exists already", "another TARGET", "--force"],
    );
    place.succeed(&format!("{convert} --force"));
    place.refuse(2, "data convert csv out", &["--format", "csv-label-first"]);
    place.refuse(2, "data convert csv out --format npz", &["TARGET = out", "*.npz"]);
    place.succeed("data convert csv a.npz --gzip");
    let train = "--hidden 4 --epochs 1 --device cpu --label-groups fashion-5-names";
    place.succeed(&format!("train --dataset csv {train} --out one"));
    place.succeed(&format!("train --dataset a.npz {train} --out two"));
    let [one, two] = ["one", "two"].map(|name| manifest(&place.path(name)));
    assert_eq!(one["results"]["test"], two["results"]["test"]);
    assert_eq!(one["config"]["data"]["label_groups"], "fashion-5-names");
    // Four files of data, one with the names of their classes, one of groups.
    assert_eq!(one["inputs"].as_array().unwrap().len(), 6);
    let info = place.succeed("data info a.npz").stdout;
    assert!(info.contains("Dress, Coat, Boot") && !info.contains("numbered"), "{info}");
    std::fs::remove_file(place.path("csv/class_names.txt")).unwrap();
    let plain = place.succeed("train --dataset csv --hidden 4 --epochs 1 --device cpu --out three");
    assert!(
        plain.stdout.contains("next: layerlens run --dataset csv --seed 42 --model"),
        "{}",
        plain.stdout
    );
    assert!(
        manifest(&place.path("three"))["warnings"][0]
            .as_str()
            .unwrap()
            .contains("they are numbered")
    );
    assert!(plain.stderr.contains("they are numbered"), "{}", plain.stderr);
}

#[test]
fn flawed_data_are_refused_before_anything_is_written() {
    let place = Place::new();
    std::fs::create_dir(place.path("d")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(place.path("d").join(name), text).unwrap();
    for part in ["train", "test"] {
        write(&format!("x_{part}.csv"), "0,1,2,3\n1,2,3,4\n5,6,7,8\n");
        write(&format!("y_{part}.csv"), "0\n0\n1\n");
    }
    let commands = [
        "train --dataset d --device cpu --out out",
        "data info d",
        "data convert d e --format idx",
    ];
    let refuse = |parts: &[&str]| commands.iter().for_each(|args| place.refuse(3, args, parts));
    write("x_test.csv", "0,1,2,3\n1,2,3,4\n5,6,256,8\n");
    refuse(&["d/x_test.csv", "line 3, column 3 is `256`"]);
    write("x_test.csv", "0,1,2,3\n1,2,3,4\n5,6,7,8\n");
    write("y_test.csv", "0\n0\n5\n");
    refuse(&["d/y_test.csv", "label 5", "0 to 1"]);
    write("y_test.csv", "0\n0\n1\n1\n");
    refuse(&["d/y_test.csv", "3 labels for the 2 images of d/x_test.csv", "--no-header"]);
    place.refuse(
        3,
        "train --dataset d --no-header --device cpu",
        &["d/y_test.csv", "4 labels for the 3 images"],
    );
    place.refuse(3, "train --dataset d --label-groups g.toml --device cpu", &["d/y_test.csv"]);
    write("y_test.csv", "0\n0\n1\n");
    place.refuse(
        3,
        "train --dataset d --label-groups g.toml --device cpu",
        &["g.toml", "one of fashion-5"],
    );
    place.refuse(
        3,
        "train --dataset d --label-groups fashion-5 --device cpu",
        &["fashion-5.toml", "`T-shirt/top` is no class of d"],
    );
    place.refuse(
        3,
        "train --dataset d/none.npz --device cpu",
        &["d/none.npz", "no such file or folder"],
    );
    place.refuse(
        2,
        "train --dataset d --data-dir d --device cpu",
        &["--data-dir = d", "is a path"],
    );
    place.refuse(
        3,
        "data info d/x_test.csv",
        &["d/x_test.csv", "expected a folder of four IDX files"],
    );
}

#[test]
fn columns_of_pixels_in_another_order_than_their_numbers_are_refused() {
    let place = Place::new();
    std::fs::create_dir(place.path("d")).unwrap();
    let rows: String = (0..12).map(|row| format!("{},{row},1,2,3\n", row % 3)).collect();
    let write = |part: &str, header: &str| {
        std::fs::write(place.path(format!("d/{part}.csv")), format!("{header}\n{rows}")).unwrap()
    };
    write("train", "label,p1,p2,p3,p4");
    write("test", "label,p4,p3,p2,p1");
    place.refuse(3, "data info d", &["test.csv", "column `p4` stands before `p3`"]);
    write("test", "label,p1,p10,p11,p2");
    place.refuse(3, "data info d", &["test.csv", "column `p11` stands before `p2`"]);
    write("test", "label,p1,p2,p3,p4");
    place.succeed("data info d");
}
