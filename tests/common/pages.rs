//! The pages of the book.

use std::fs;
use std::path::{Path, PathBuf};

/// README.md and every page in docs/.
pub fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> = fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect();
    assert!(pages.len() >= 11, "only {} chapters were found", pages.len());
    pages.push(root.join("README.md"));
    pages.sort();
    pages
}
