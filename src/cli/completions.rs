//! `layerlens completions` and `layerlens man`: what a package puts beside the program.

use super::naming::Elsewhere;
use super::reference::reference;
use super::{Cli, print};
use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use layerlens::Error;
use layerlens::files::{create_folder, write_atomic};
use std::path::PathBuf;

/// Options of `completions`.
#[derive(Clone, Debug, Args)]
pub struct CompletionsArgs {
    /// Shell that completes commands and flags
    #[arg(value_enum)]
    shell: Shell,
}

/// Options of `man`.
#[derive(Clone, Debug, Args)]
pub struct ManArgs {
    /// Folder for a page of every command, man1 of a folder in MANPATH for example [default: the
    /// page of layerlens alone, on stdout]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Print one page of Markdown with every command and flag
    #[arg(long, conflicts_with = "folder")]
    markdown: bool,
    /// Replace pages that are there
    #[arg(long, requires = "folder", help_heading = "Output")]
    force: bool,
}

/// Prints the shell's script.
pub fn completions(args: &CompletionsArgs) {
    let mut script = Vec::new();
    let mut cli = Cli::command();
    clap_complete::generate(args.shell, &mut cli, "layerlens", &mut script);
    print(&String::from_utf8_lossy(&script));
}

/// Prints the page of the program or that of Markdown, or writes those of all commands.
pub fn man(args: &ManArgs) -> Result<()> {
    let mut cli = Cli::command().disable_help_subcommand(true);
    cli.build();
    if args.markdown {
        print(&reference(&cli));
        return Ok(());
    }
    let Some(folder) = &args.folder else {
        print(&String::from_utf8_lossy(&page(&cli)?));
        return Ok(());
    };
    let pages = commands(&cli).into_iter().map(|command| {
        let name = format!("{}.1", command.get_display_name().unwrap_or(command.get_name()));
        page(command).map(|page| (folder.join(name), page))
    });
    let pages: Vec<_> = pages.collect::<Result<_>>()?;
    if let Some((path, _)) = pages.iter().find(|(path, _)| path.exists() && !args.force) {
        let error = anyhow::Error::from(Error::Exists(path.clone()));
        return Err(error.context(Elsewhere("another DIR")));
    }
    create_folder(folder)?;
    for (path, page) in &pages {
        write_atomic(path, |file| file.write_all(page))?;
    }
    print(&format!("{} pages written to {}\n", pages.len(), folder.display()));
    Ok(())
}

fn page(command: &clap::Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).manual("Layerlens").render(&mut page)?;
    Ok(page)
}

/// A command and those below it that are shown.
pub fn commands(command: &clap::Command) -> Vec<&clap::Command> {
    let shown = command.get_subcommands().filter(|below| !below.is_hide_set());
    std::iter::once(command).chain(shown.flat_map(commands)).collect()
}
