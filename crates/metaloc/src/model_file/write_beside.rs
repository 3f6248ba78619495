//! Files whole or not at all.

use std::io::Write;
use std::path::Path;

use crate::error::{Error, unnamed};

/// Writes a file beside its place and renames it there: whole or not at all. A link is followed; a
/// device or a pipe (`/dev/stdout`) is written to, never replaced.
///
/// # Errors
/// [`Error::File`] if it can't be written; what stood there before then stays.
pub fn write_beside(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let fail = |e: std::io::Error| Error::file(path, e);
    if path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let mut device = std::fs::OpenOptions::new().write(true).open(path).map_err(fail)?;
        return device.write_all(bytes).map_err(fail);
    }
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less the umask
    let mut beside = builder.tempfile_in(folder).map_err(|e| fail(unnamed(e)))?;
    beside.write_all(bytes).map_err(fail)?;
    beside.as_file().sync_all().map_err(fail)?;
    beside.persist(&path).map_err(|e| fail(e.error))?;
    Ok(())
}
