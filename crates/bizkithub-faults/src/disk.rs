use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::tools::run;

/// A file system that a ledger is kept on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FileSystem {
    Ext4,
    Xfs,
}

impl FileSystem {
    pub(crate) const ALL: [Self; 2] = [Self::Ext4, Self::Xfs];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }
}

/// A disk of its own, in a file, on a loop device.
pub(crate) struct Disk {
    folder: TempDir,
    device: String,
}

impl Disk {
    /// The smallest that xfs can be made on.
    const SIZE: u64 = 300 << 20;

    pub(crate) fn new(file_system: FileSystem) -> Result<Self> {
        let folder = TempDir::new()?;
        let image = folder.path().join("image");
        fs::File::create(&image)?.set_len(Self::SIZE)?;
        let output = run("losetup", &["--find", "--show", &image.display().to_string()])?;
        let disk = Self { folder, device: String::from_utf8(output.stdout)?.trim().to_owned() };
        match file_system {
            // Without blocks that only root may use, as this process is.
            FileSystem::Ext4 => run("mkfs.ext4", &["-q", "-F", "-m", "0", &disk.device])?,
            FileSystem::Xfs => run("mkfs.xfs", &["-q", "-f", &disk.device])?,
        };
        fs::create_dir(disk.path())?;
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }

    fn mount(&self) -> Result<()> {
        run("mount", &[&self.device, &self.path().display().to_string()]).map(drop)
    }

    fn unmount(&self) -> Result<()> {
        run("umount", &[&self.path().display().to_string()]).map(drop)
    }

    /// Lets the file system forget at once whatever it has not made durable, its own log not flushed either.
    pub(crate) fn cut_power(&self) -> Result<()> {
        run("xfs_io", &["-x", "-c", "shutdown", &self.path().display().to_string()]).map(drop)
    }

    /// Mounts it as after a start of the machine.
    pub(crate) fn restore(&self) -> Result<()> {
        self.unmount()?;
        self.mount()
    }

    /// Fills it, and then leaves so many bytes.
    pub(crate) fn fill(&self, bytes: u64) -> Result<()> {
        let mut filler = fs::File::create(self.path().join("filler"))?;
        for block in [vec![0xA5; 1 << 20], vec![0xA5; 4 << 10]] {
            while filler.write_all(&block).is_ok() {}
        }
        filler.sync_all()?;
        let length = filler.metadata()?.len();
        filler.set_len(length.saturating_sub(bytes))?;
        Ok(filler.sync_all()?)
    }

    /// Makes room again.
    pub(crate) fn free(&self) -> Result<()> {
        fs::remove_file(self.path().join("filler")).context("the filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A disk that a failed trial leaves mounted is in nobody's way.
        let _ = self.unmount();
        let _ = run("losetup", &["--detach", &self.device]);
    }
}
