//! Flags for what the page of a map shows of its points.

use clap::Args;
use layerlens::Error;
use layerlens::dataset::{Colour, Column, ColumnKind, Images, read_metadata};
use layerlens::format::listed;
use layerlens::report::page::scaled_words;
use layerlens::run::Shown;
use std::path::{Path, PathBuf};

/// Images and metadata of the points.
#[derive(Clone, Debug, Args)]
pub struct ShownArgs {
    /// Images of the points, for the page: a folder of .png and .jpg files, which in natural order are
    /// the rows; an IDX file, plain or .gz; or .npy, n x height x width (x 3)
    #[arg(long, value_name = "DIR|FILE", conflicts_with = "fit_sample", help_heading = "Page")]
    images: Option<PathBuf>,
    /// Those of the new points, which are needed if there are --new and --images
    #[arg(long, value_name = "DIR|FILE", requires_all = ["new", "images"], help_heading = "Page")]
    new_images: Option<PathBuf>,
    /// Background of transparent pixels in image files: white, black or #rrggbb [default: white]
    #[arg(long, value_name = "COLOUR", requires = "images", help_heading = "Page")]
    background: Option<Colour>,
    /// Table of .csv, .tsv or .txt with a header and a row a point, for the page: its columns are
    /// shown on the card of a point, and the map is coloured and filtered by them
    #[arg(long, value_name = "FILE", conflicts_with = "fit_sample", help_heading = "Page")]
    metadata: Option<PathBuf>,
    /// That of the new points, with the same columns [default: they have no values]
    #[arg(long, value_name = "FILE", requires_all = ["new", "metadata"], help_heading = "Page")]
    new_metadata: Option<PathBuf>,
}

/// Images of the points of a file, one for each of its rows, and a note on how they were read.
pub fn read_images(
    path: &Path,
    background: Colour,
    (of, n): (&Path, usize),
) -> Result<(Images, Option<String>), Error> {
    let (images, note) = Images::read(path, background)?;
    let found = images.n();
    if found != n {
        let message = format!("has {found} images, {} has {n} rows", of.display());
        return Err(Error::input(path, message));
    }
    Ok((images, note))
}

impl ShownArgs {
    /// The files that are no folders.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let paths = [&self.images, &self.new_images, &self.metadata, &self.new_metadata];
        paths.into_iter().flatten().filter(|path| path.is_file())
    }

    /// Reads what belongs to the points of a file, and to the new points, if there are any.
    pub fn read(
        &self,
        points: (&Path, usize),
        new: Option<(&Path, usize)>,
    ) -> Result<Shown, Error> {
        let mut warnings = Vec::new();
        let images = self.pictures(points, new, &mut warnings)?;
        warnings.extend(images.as_ref().and_then(scaled_words));
        let columns = self.columns(points.1, new.map_or(0, |(_, n)| n), &mut warnings)?;
        Ok(Shown { images, columns, warnings })
    }

    fn pictures(
        &self,
        points: (&Path, usize),
        new: Option<(&Path, usize)>,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Images>, Error> {
        let Some(path) = &self.images else { return Ok(None) };
        if new.is_some() && self.new_images.is_none() {
            let needed = "needs --new-images, as there are new points";
            return Err(Error::parameter("images", path.display(), needed));
        }
        let mut read = |path: &Path, points: (&Path, usize)| -> Result<Images, Error> {
            let background = self.background.unwrap_or_default();
            let (images, note) = read_images(path, background, points)?;
            warnings.extend(note);
            Ok(images)
        };
        let images = read(path, points)?;
        match self.new_images.as_ref().zip(new) {
            None => Ok(Some(images)),
            Some((path, new)) => images
                .followed_by(read(path, new)?)
                .map(Some)
                .map_err(|error| Error::input(path, error.to_string())),
        }
    }

    fn columns(
        &self,
        n: usize,
        n_new: usize,
        warnings: &mut Vec<String>,
    ) -> Result<Vec<Column>, Error> {
        let Some(path) = &self.metadata else { return Ok(Vec::new()) };
        let columns = read_metadata(path, n)?;
        let Some(new_path) = &self.new_metadata else {
            return Ok(columns.into_iter().map(|column| column.with_missing(n_new)).collect());
        };
        let new = read_metadata(new_path, n_new)?;
        let names = |columns: &[Column]| -> Vec<String> {
            columns.iter().map(|column| column.name.clone()).collect()
        };
        if names(&columns) != names(&new) {
            let [found, expected] = [&new, &columns].map(|columns| listed(&names(columns)));
            let message = format!(
                "has the columns {found}, expected those of {}: {expected}",
                path.display()
            );
            return Err(Error::input(new_path, message));
        }
        let pairs = columns.into_iter().zip(&new);
        let joined = pairs.map(|(column, new)| {
            let both = column.clone().followed_by(new);
            let is_number = |column: &Column| column.kind == ColumnKind::Number;
            if is_number(&column) != is_number(new) && !is_number(&both) {
                let (words, numbers) =
                    if is_number(new) { (path, new_path) } else { (new_path, path) };
                warnings.push(format!(
                    "the column `{}` holds numbers in {} and words in {}: it is a {} on the page",
                    both.name,
                    numbers.display(),
                    words.display(),
                    both.kind.word()
                ));
            }
            both
        });
        Ok(joined.collect())
    }
}
