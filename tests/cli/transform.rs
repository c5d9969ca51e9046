//! `transform` of files that are read a few rows at a time: batches, shards, folders, and what an
//! earlier run has left give the bytes of one run.

use super::support::*;
use layerlens::Matrix;
use layerlens::dataset::npy;
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::FloatType;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

/// New points, more than are placed at a time.
const N_NEW: usize = 9000;

const TRANSFORM: &str = "transform map/map.safetensors --train x.npy --device cpu";

/// A map of 120 points, and `new.npy` with its places in `whole.npy`.
fn place_with_a_map(method: &str) -> Place {
    let place = Place::with_points();
    place.succeed(&format!("embed x.npy --method {method} --device cpu --out map"));
    place.points("new.npy", N_NEW, 5);
    place.succeed(&format!("{TRANSFORM} --new new.npy --places whole.npy"));
    place
}

fn leaf(name: &str, repetition: Repetition) -> TypePtr {
    let leaf = Type::primitive_type_builder(name, Physical::FLOAT).with_repetition(repetition);
    Arc::new(leaf.build().unwrap())
}

/// Writes rows as one column of lists, or as a column a feature, in groups of `group` rows.
fn write_parquet(path: &Path, rows: &[f32], d: usize, is_list: bool, group: usize) {
    let fields: Vec<TypePtr> = if is_list {
        let repeated = Type::group_type_builder("list")
            .with_repetition(Repetition::REPEATED)
            .with_fields(vec![leaf("element", Repetition::OPTIONAL)]);
        let list = Type::group_type_builder("features")
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(Some(LogicalType::List))
            .with_fields(vec![Arc::new(repeated.build().unwrap())]);
        vec![Arc::new(list.build().unwrap())]
    } else {
        (0..d).map(|column| leaf(&format!("f{column}"), Repetition::OPTIONAL)).collect()
    };
    let schema = Arc::new(Type::group_type_builder("rows").with_fields(fields).build().unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let file = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, properties).unwrap();
    for rows in rows.chunks(group * d) {
        let mut group = writer.next_row_group().unwrap();
        if is_list {
            let repetitions: Vec<i16> = (0..rows.len()).map(|at| i16::from(at % d > 0)).collect();
            // NaN stands for a value that is missing.
            let definitions: Vec<i16> =
                rows.iter().map(|value| if value.is_nan() { 2 } else { 3 }).collect();
            let values: Vec<f32> = rows.iter().copied().filter(|value| !value.is_nan()).collect();
            let mut column = group.next_column().unwrap().unwrap();
            let typed = column.typed::<FloatType>();
            typed.write_batch(&values, Some(&definitions), Some(&repetitions)).unwrap();
            column.close().unwrap();
        } else {
            for at in 0..d {
                let values: Vec<f32> = rows.iter().copied().skip(at).step_by(d).collect();
                let levels: Vec<i16> =
                    values.iter().map(|value| i16::from(!value.is_nan())).collect();
                let known: Vec<f32> = values.into_iter().filter(|value| !value.is_nan()).collect();
                let mut column = group.next_column().unwrap().unwrap();
                column.typed::<FloatType>().write_batch(&known, Some(&levels), None).unwrap();
                column.close().unwrap();
            }
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
}

fn rows(x: &Matrix, rows: std::ops::Range<usize>) -> Matrix {
    x.select(&rows.collect::<Vec<_>>())
}

/// Values of coordinates files, one after the other.
fn joined(place: &Place, names: &[&str]) -> Vec<f32> {
    let read = |name: &&str| npy::read_matrix(place.path(name)).unwrap().into_vec();
    names.iter().flat_map(read).collect()
}

#[test]
fn shards_folders_and_all_formats_give_the_bytes_of_one_run() {
    for method in ["pca", "tsne --max-iter 50"] {
        let place = place_with_a_map(method);
        let whole = joined(&place, &["whole.npy"]);
        // By all rows at once, through the other command.
        let embed = "embed x.npy --new new.npy --device cpu --out at_once";
        place.succeed(&format!("{embed} --method {method}"));
        assert!(whole == joined(&place, &["at_once/embeddings/new.npy"]));
        for shard in ["1/3", "2/3", "3/3"] {
            place.succeed(&format!("{TRANSFORM} --new new.npy --places part.npy --shard {shard}"));
        }
        let shards = ["part-1-of-3.npy", "part-2-of-3.npy", "part-3-of-3.npy"];
        assert!(whole == joined(&place, &shards));
        let x = points(N_NEW, 5);
        fs::create_dir(place.path("parts")).unwrap();
        write_parquet(&place.path("parts/a2.parquet"), rows(&x, 0..5000).as_slice(), 5, true, 1700);
        write_parquet(
            &place.path("parts/a10.parquet"),
            rows(&x, 5000..7000).as_slice(),
            5,
            false,
            600,
        );
        npy::write_matrix(place.path("parts/a11.npy"), &rows(&x, 7000..N_NEW)).unwrap();
        fs::write(place.path("parts/notes.txt"), "no points").unwrap();
        let to_parts = format!("{TRANSFORM} --new parts --places placed");
        let outcome = place.succeed(&to_parts);
        assert!(outcome.stderr.contains("notes.txt"), "{}", outcome.stderr);
        assert!(outcome.stdout.contains("3 files in placed"), "{}", outcome.stdout);
        let placed = ["placed/a2.npy", "placed/a10.npy", "placed/a11.npy"];
        assert!(whole == joined(&place, &placed));
        // Each file is one shard's.
        for shard in ["1/2", "2/2"] {
            place.succeed(&format!("{TRANSFORM} --new parts --places shared --shard {shard}"));
        }
        assert!(whole == joined(&place, &["shared/a2.npy", "shared/a10.npy", "shared/a11.npy"]));
        place.refuse(1, &to_parts, &["placed/a2.npy", "exists already", "--resume"]);
    }
}

#[test]
fn what_an_earlier_run_has_left_is_gone_on_with() {
    let place = place_with_a_map("tsne --max-iter 50");
    let whole = fs::read(place.path("whole.npy")).unwrap();
    let run = format!("{TRANSFORM} --new new.npy --places whole.npy --resume");
    // 5,000 rows and a piece of one, as a process that was killed leaves them.
    let head = whole.len() - N_NEW * 8;
    fs::write(place.path("whole.npy.partial"), &whole[..head + 5000 * 8 + 3]).unwrap();
    fs::remove_file(place.path("whole.npy")).unwrap();
    fs::rename(place.path("whole.npy.json"), place.path("whole.npy.partial.json")).unwrap();
    let outcome = place.succeed(&run);
    assert!(outcome.stdout.contains("5000 of them before"), "{}", outcome.stdout);
    assert!(fs::read(place.path("whole.npy")).unwrap() == whole);
    assert!(!place.path("whole.npy.partial").exists());
    assert!(!place.path("whole.npy.partial.json").exists());
    let outcome = place.succeed(&run);
    assert!(outcome.stdout.contains("9000 of them before"), "{}", outcome.stdout);
    // What is left of other points, or by another map, is not taken.
    place.points("new.npy", N_NEW - 1, 5);
    place.refuse(1, &run, &["whole.npy", "exists already"]);
    // Nor is a file that was to be replaced when the process was killed, although what stands
    // beside it is the description of the new points.
    let new = place.succeed(&format!("{TRANSFORM} --new new.npy --places other.npy"));
    assert!(new.stdout.contains("8999 points"), "{}", new.stdout);
    fs::copy(place.path("other.npy.json"), place.path("whole.npy.partial.json")).unwrap();
    place.refuse(1, &run, &["whole.npy", "exists already"]);
    fs::remove_file(place.path("whole.npy.partial.json")).unwrap();
    fs::rename(place.path("whole.npy"), place.path("whole.npy.partial")).unwrap();
    fs::rename(place.path("whole.npy.json"), place.path("whole.npy.partial.json")).unwrap();
    let outcome = place.succeed(&run);
    assert!(!outcome.stdout.contains("before"), "{}", outcome.stdout);
    assert_eq!(joined(&place, &["whole.npy"]).len(), 2 * (N_NEW - 1));
}

#[test]
fn the_row_at_fault_is_named_wherever_it_is() {
    let place = place_with_a_map("umap --n-epochs 20");
    let mut values = points(N_NEW, 5).into_vec();
    values[5 * 7777 + 2] = f32::NAN;
    let shape = [N_NEW as u64, 5];
    npy::write_f32(place.path("nan.npy"), &values, &shape).unwrap();
    let refused = |new: &str, parts: &[&str]| {
        place.refuse(3, &format!("{TRANSFORM} --new {new} --places out.npy"), parts);
        assert!(!place.path("out.npy").exists());
    };
    refused("nan.npy", &["nan.npy", "row 7777, column 2 is NaN"]);
    values[5 * 7777 + 2] = 1e38;
    npy::write_f32(place.path("far.npy"), &values, &shape).unwrap();
    refused("far.npy", &["far.npy", "row 7777 is", "from the middle of the fitted points"]);
    let mut values = rows(&points(N_NEW, 5), 0..100).into_vec();
    values[5 * 61 + 3] = f32::NAN;
    for (name, is_list, column) in
        [("flat.parquet", false, "f3"), ("list.parquet", true, "features")]
    {
        write_parquet(&place.path(name), &values, 5, is_list, 40);
        refused(name, &[name, "row 61 has no", column]);
    }
    fs::write(place.path("no.parquet"), "no parquet").unwrap();
    refused("no.parquet", &["no.parquet", "no Parquet file"]);
    write_parquet(&place.path("narrow.parquet"), points(9, 4).as_slice(), 4, true, 9);
    refused("narrow.parquet", &["narrow.parquet", "4 columns", "have 5"]);
    for shard in ["0/3", "4/3", "1", "a/b"] {
        let args = format!("{TRANSFORM} --new new.npy --places out.npy --shard {shard}");
        place.refuse(2, &args, &["--shard", "I/N"]);
    }
}

#[test]
fn the_folder_of_an_embedding_stands_for_its_map() {
    let place = place_with_a_map("umap");
    place.succeed("transform map --train x.npy --new new.npy --places again.npy --device cpu");
    assert!(
        fs::read(place.path("whole.npy")).unwrap() == fs::read(place.path("again.npy")).unwrap()
    );
    fs::create_dir(place.path("empty")).unwrap();
    let parts = ["empty", "a folder without map.safetensors", "maps/", "folder of an embedding"];
    place.refuse(3, "transform empty --train x.npy --new new.npy", &parts);
    for places in ["q.csv", "empty"] {
        let parts = [&format!("--places = {places}"), "ends in .npy"];
        place.refuse(2, &format!("{TRANSFORM} --new new.npy --places {places} --force"), &parts);
    }
}
