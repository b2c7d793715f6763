//! Where the stand-ins keep their files, and the lock that keeps a second process away from them.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::Storage;

/// The place of the files. It must outlive the servers that write to it.
#[derive(Debug)]
pub(crate) struct Home {
    database: Option<PathBuf>,
    objects: PathBuf,
    _kept: Kept,
}

/// What makes the place ours while it is held.
#[derive(Debug)]
enum Kept {
    /// Removed, with everything in it, when dropped.
    Temporary { _directory: TempDir },
    /// Unlocked when dropped, and by the kernel when the process dies, however it dies.
    Locked { _lock: File },
}

impl Home {
    /// Makes the place ready.
    pub(crate) fn open(storage: Storage) -> anyhow::Result<Home> {
        match storage {
            Storage::Memory => {
                let directory = tempfile::Builder::new()
                    .prefix("holdfast-objects-")
                    .tempdir()
                    .context("cannot make a temporary directory for objects")?;
                let objects = directory.path().to_path_buf();
                Ok(Home {
                    database: None,
                    objects,
                    _kept: Kept::Temporary { _directory: directory },
                })
            }
            Storage::Directory(path) => {
                let objects = path.join("objects");
                fs::create_dir_all(&objects)
                    .with_context(|| format!("cannot make the directory {}", objects.display()))?;
                let lock = lock(&path.join("lock"))?;
                let database = Some(path.join("dynamodb.sqlite"));
                Ok(Home { database, objects, _kept: Kept::Locked { _lock: lock } })
            }
        }
    }

    /// The file of the tables; none if they are kept in memory.
    pub(crate) fn database(&self) -> Option<&Path> {
        self.database.as_deref()
    }

    /// The directory of the objects.
    pub(crate) fn objects(&self) -> &Path {
        &self.objects
    }
}

fn lock(path: &Path) -> anyhow::Result<File> {
    let lock =
        File::create(path).with_context(|| format!("cannot open the lock {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            bail!("{} is held by another process that uses this directory", path.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}
