//! The key file: made on a first start with SQLite, rotated without stopping.

use super::{Keys, fitting, open};
use crate::config::Config;
use anyhow::{Context, bail};
use clap::Subcommand;
use std::io::Write;
use std::path::{Path, PathBuf};
use store::KeyRing;

#[derive(Subcommand)]
pub enum KeyCommand {
    /// Write a new key file
    Generate { file: PathBuf },
    /// Put a new key in front and seal every secret anew; running processes read the file again by themselves
    Rotate,
}

pub async fn run(config: &Config, command: KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::Generate { file } => {
            create(&file)?;
            println!("wrote {}", file.display());
        }
        KeyCommand::Rotate => {
            let file = config.key_file();
            // Before anything is changed: there must be something to seal anew, and the present keys must fit it.
            fitting(&open(config, Keys::MustExist).await?).await?;
            let older = std::fs::read_to_string(&file)
                .with_context(|| format!("could not read {}", file.display()))?;
            replace(&file, &KeyRing::generate(Some(&older)))?;
            let changed = open(config, Keys::MustExist).await?.reseal_all().await?;
            println!(
                "sealed {changed} secrets under a new key; running processes read it from the file by themselves"
            );
        }
    }
    Ok(())
}

/// Reads the key file; makes it for SQLite when it may be made.
pub(super) fn load(config: &Config, keys: Keys) -> anyhow::Result<KeyRing> {
    let file = config.key_file();
    if !file.exists() {
        let new_database = config.sqlite_path().is_some_and(|path| !path.exists());
        if keys == Keys::MustExist || config.is_postgres() {
            bail!("SECRET_KEY_FILE {} does not exist", file.display());
        }
        if !new_database {
            bail!(
                "SECRET_KEY_FILE {} does not exist, but the database does: its secrets open only with the key they were \
                 sealed with. Put the key file back",
                file.display()
            );
        }
        create(&file)?;
    }
    KeyRing::read(&file).with_context(|| format!("SECRET_KEY_FILE {}", file.display()))
}

fn create(file: &Path) -> anyhow::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("could not make the folder {}", folder.display()))?;
    }
    private(file, true)?
        .write_all(KeyRing::generate(None).as_bytes())
        .with_context(|| format!("could not write {}", file.display()))
}

/// The new text is complete on the disk before it takes the old one's name: a crash leaves one or the other.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let fresh = file.with_extension("new");
    let _ = std::fs::remove_file(&fresh);
    let mut writer = private(&fresh, true)?;
    writer
        .write_all(text.as_bytes())
        .and_then(|()| writer.sync_all())
        .with_context(|| format!("could not write {}", fresh.display()))?;
    std::fs::rename(&fresh, file).with_context(|| format!("could not replace {}", file.display()))
}

/// A file that only we may read.
pub(super) fn private(file: &Path, new: bool) -> anyhow::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).create_new(new);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).with_context(|| format!("could not make {}", file.display()))
}
