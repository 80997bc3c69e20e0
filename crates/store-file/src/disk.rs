//! The folder: a file for each record, in one of many subfolders by the end of its id.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use lockgate_responses::Record;

/// Longer ids are none of ours: file systems have limits.
const LONGEST_ID: usize = 200;

#[derive(Clone)]
pub(crate) struct Folder(Arc<Path>);

impl Folder {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        make(path)?;
        // A folder that cannot be written is better found now than with the first record.
        let probe = path.join(".writable");
        fs::write(&probe, b"")?;
        fs::remove_file(&probe)?;
        Ok(Self(path.into()))
    }

    /// The file of a record; nothing for an id that is no plain name.
    fn file(&self, id: &str) -> Option<PathBuf> {
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let end = id.get(id.len().checked_sub(2)?..).filter(|_| plain && id.len() <= LONGEST_ID)?;
        Some(self.0.join(end.to_ascii_lowercase()).join(format!("{id}.json")))
    }

    pub(crate) fn read(&self, id: &str) -> io::Result<Option<Record>> {
        let Some(file) = self.file(id) else { return Ok(None) };
        match fs::read(&file) {
            Ok(bytes) => match serde_json::from_slice::<Record>(&bytes) {
                Ok(record) => Ok(Some(record).filter(|record| record.id == id)),
                Err(error) => {
                    tracing::warn!(file = %file.display(), %error, "a kept response is damaged");
                    Ok(None)
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Written beside and moved, so that a file is whole or not there.
    pub(crate) fn write(&self, record: &Record) -> io::Result<()> {
        let Some(file) = self.file(&record.id) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the id is no plain name"));
        };
        if let Some(parent) = file.parent() {
            make(parent)?;
        }
        let new = file.with_extension("new");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut out = io::BufWriter::new(options.open(&new)?);
        serde_json::to_writer(&mut out, record)?;
        out.flush()?;
        drop(out);
        fs::rename(new, file)
    }

    /// Whether it was there.
    pub(crate) fn delete(&self, id: &str) -> io::Result<bool> {
        let Some(file) = self.file(id) else { return Ok(false) };
        match fs::remove_file(file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes what was written longer ago.
    pub(crate) fn prune(&self, keep: Duration) -> io::Result<()> {
        let Some(oldest) = SystemTime::now().checked_sub(keep) else { return Ok(()) };
        for folder in fs::read_dir(&self.0)?.flatten().filter(|entry| entry.path().is_dir()) {
            for entry in fs::read_dir(folder.path())?.flatten() {
                let written = entry.metadata().and_then(|data| data.modified());
                if written.is_ok_and(|written| written < oldest) {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        Ok(())
    }
}

/// Makes a folder that only its owner can look into: it holds what people said.
fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
