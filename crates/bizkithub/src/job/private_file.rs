use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// How to open a file for writing that only its owner may read once it is made, because it tells of customers. A file that exists
/// keeps its permissions.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a file for writing that only its owner may read, because it tells of customers. A file that exists is emptied, and keeps its
/// permissions.
///
/// # Errors
///
/// Those of opening a file.
pub fn create_private(path: &Path) -> io::Result<File> {
    options().create(true).truncate(true).open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_the_owner_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rejects.csv");
        let mode = |file: File| file.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode(create_private(&path).expect("a new file")), 0o600);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("its owner may");
        assert_eq!(mode(create_private(&path).expect("the same file")), 0o644);
    }
}
