//! S3: s3s on a directory of plain files. Signatures, of headers and of signed URLs, are checked.

use std::path::Path;

use anyhow::Context as _;
use s3s::{
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;

use crate::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};

/// The objects below this directory, as a service for connections.
pub(crate) fn service(objects: &Path) -> anyhow::Result<S3Service> {
    let files = FileSystem::new(objects)
        .map_err(|error| anyhow::anyhow!("{error:?}"))
        .with_context(|| format!("cannot keep objects in {}", objects.display()))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
    Ok(builder.build())
}
