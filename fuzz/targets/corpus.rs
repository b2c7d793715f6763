//! Valid input to begin with: files in `corpus/`, and the answers that upstreams publish.

use std::{fs, path::Path};

use testkit::fixture;

/// The files of a folder below `corpus/`, in the order of their names.
pub(crate) fn seeds(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(folder);
    let mut files: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// The bodies of the published answers whose names begin so. `{base}` becomes `base`.
pub(crate) fn published(of: &str, base: &str) -> Vec<Vec<u8>> {
    let names = fixture::names().filter(|name| name.starts_with(of));
    let body = |name| fixture::get(name).body.to_string();
    names.map(|name| body(name).replace("{base}", base).replace("{id}", "7").into_bytes()).collect()
}
