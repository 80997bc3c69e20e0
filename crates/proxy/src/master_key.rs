//! The master key of a gateway that was given none: made on the first start, kept in the data folder.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use lockgate_core::Secret;

/// A kept key.
pub(crate) struct Kept {
    pub(crate) key: Secret,
    pub(crate) file: PathBuf,
    /// Whether it was made just now.
    pub(crate) new: bool,
}

/// Reads the key, or makes one.
pub(crate) fn keep(data: &Path) -> Result<Kept> {
    let file = data.join("master_key");
    match fs::read_to_string(&file) {
        Ok(text) if !text.trim().is_empty() => {
            return Ok(Kept { key: Secret::new(text.trim()), file, new: false });
        }
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
    }
    let key = format!("sk-{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    write(data, &file, &key).with_context(|| {
        format!("the master key cannot be kept in {}; set LITELLM_MASTER_KEY, or --data to a folder that can be written", data.display())
    })?;
    Ok(Kept { key: Secret::new(key), file, new: true })
}

/// The data folder: `--data`, else the user's.
pub(crate) fn data_folder(given: Option<PathBuf>) -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given
        .or_else(|| variable("XDG_DATA_HOME").map(|folder| folder.join("lockgate")))
        .or_else(|| variable("HOME").map(|home| home.join(".local/share/lockgate")))
        .unwrap_or_else(|| PathBuf::from(".lockgate"))
}

fn write(data: &Path, file: &Path, key: &str) -> std::io::Result<()> {
    fs::create_dir_all(data)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    writeln!(options.open(file)?, "{key}")
}
