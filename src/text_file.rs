//! Files that should be text or weights, and are something else.
//!
//! People who load a model often hold a different file than they think. A clone without Git LFS leaves three lines of
//! text in place of each large file. A download from the wrong link saves a web page. An editor writes UTF-16. A reader
//! that only says "expected `{`" leaves them alone with the riddle. The first bytes tell what a file really is, and each
//! kind has its own remedy: [`mistaken_for`] knows both.
//!
//! [`read`] is how every text is read here, be it a configuration, a list of merges or a book to learn from.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) reads models of others, and
//! [Models in other files](crate::book::other_files) has a list of what else is refused, and what to do.

use crate::error::{Error, Result};
use std::path::Path;

/// The three bytes that some editors put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

const PICKLE: &str = "is a file of PyTorch's own kind, a Python pickle, under another name: load the model with the transformers \
                      library and save it again, which writes model.safetensors";

/// Files that are neither text nor safetensors: their first bytes, what they are, and what to do.
const OTHER_KINDS: [(&[u8], &str); 8] = [
    (b"\x1F\x8B", "is compressed with gzip: unpack it with `gzip -d` or `tar -xzf`, and give what is in it"),
    (b"\xFD7zXZ\0", "is compressed with xz: unpack it with `xz -d`, and give what is in it"),
    (b"\x28\xB5\x2F\xFD", "is compressed with zstd: unpack it with `zstd -d`, and give what is in it"),
    (b"7z\xBC\xAF\x27\x1C", "is a 7z archive: unpack it, and give what is in it"),
    (b"\x80\x02", PICKLE),
    (b"\x80\x04", PICKLE),
    (b"\x89HDF\r\n\x1A\n", "is in the form of TensorFlow (HDF5), under another name: get model.safetensors"),
    (b"GGUF", "is a whole model in the form of llama.cpp (GGUF), under another name: give it to --model by itself"),
];

/// What a file really is and what to do about it, if its first bytes show that it is not what its name says.
///
/// Sixteen bytes are enough for most kinds, and a few hundred for all.
///
/// # Example: a clone without Git LFS
///
/// ```
/// use gpt60::text_file::mistaken_for;
///
/// let found = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a...\nsize 548105171\n";
/// assert!(mistaken_for(found).unwrap().contains("git lfs pull"));
/// assert_eq!(mistaken_for(b"Once upon a time"), None);
/// ```
#[must_use]
pub fn mistaken_for(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"version https://git-lfs") {
        return Some(
            "is not the file itself but a Git LFS pointer to it: run `git lfs pull` in the clone that it comes from, or \
             download the file",
        );
    }
    let start = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes).trim_ascii_start();
    let begins = |with: &str| start.len() >= with.len() && start[..with.len()].eq_ignore_ascii_case(with.as_bytes());
    if begins("<!doctype html") || begins("<html") {
        return Some(
            "is a web page, not the file itself: download it again, from a link that leads to the file (on the Hugging \
             Face hub, one with /resolve/ in it and not /blob/)",
        );
    }
    if bytes.starts_with(b"Entry not found") || bytes.starts_with(b"Invalid username or password") {
        return Some(
            "holds a server's answer that the file could not be had, not the file itself: check the link, and download \
             it again",
        );
    }
    let kind = OTHER_KINDS.iter().find(|(magic, _)| bytes.starts_with(magic));
    if let Some((_, problem)) = kind.filter(|_| !begins_as_safetensors(bytes)) {
        return Some(problem);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        // PyTorch's own files are zip archives, in which a pickle comes first.
        let is_torch = bytes.windows(8).any(|part| part == b"data.pkl");
        return Some(if is_torch { PICKLE } else { "is a zip archive: unpack it, and give what is in it" });
    }
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Some("is UTF-16 text; convert it to UTF-8, for example with `iconv -f UTF-16 -t UTF-8`");
    }
    None
}

/// Whether these first bytes are those of a safetensors file: a length below 2^32 in eight bytes, and a brace. Any bytes can
/// begin the length, also those with which other kinds of files begin.
#[must_use]
pub fn begins_as_safetensors(start: &[u8]) -> bool {
    start.get(4..9) == Some(b"\0\0\0\0{")
}

/// The text of a file.
///
/// # Errors
///
/// If the file cannot be read, is not UTF-8, or is a kind of file that [`mistaken_for`] knows. The error names the file
/// and the remedy.
pub fn read(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, "read", e))?;
    to_text(bytes).map_err(|e| Error::file(path, e))
}

/// Bytes as text, or what they are instead.
///
/// # Errors
///
/// The problem in words, for an error that names where the bytes come from.
pub fn to_text(bytes: Vec<u8>) -> std::result::Result<String, String> {
    if let Some(problem) = mistaken_for(&bytes) {
        return Err(problem.to_string());
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes()[at];
        if error.as_bytes().contains(&0) {
            return format!("is not text: {byte:#04x} at byte {at} is no UTF-8, and a text has no zero bytes");
        }
        format!(
            "is not UTF-8 at byte {at}: {byte:#04x} begins no character there; a text in an older encoding must be \
             converted first, for example with `iconv -f WINDOWS-1252 -t UTF-8`"
        )
    })
}

/// JSON and lists of merges may not begin with a byte order mark; other programs refuse it too.
///
/// # Errors
///
/// If `text` does.
pub fn refuse_byte_order_mark(text: &str) -> std::result::Result<(), String> {
    if text.as_bytes().starts_with(BYTE_ORDER_MARK) {
        return Err(
            "begins with a byte order mark, three bytes that some editors put before a text; save it as UTF-8 \
                    without one"
                .to_string(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_really_is_comes_with_its_remedy() {
        let remedy = |bytes: &[u8]| to_text(bytes.to_vec()).unwrap_err();
        assert!(remedy(b"version https://git-lfs.github.com/spec/v1\noid").contains("`git lfs pull`"));
        for page in ["<!DOCTYPE html><html>", "\u{FEFF}\n <HTML lang=en>", "<!doctype HTML>"] {
            assert!(remedy(page.as_bytes()).contains("is a web page"), "{page}");
        }
        let utf16: Vec<u8> = "\u{FEFF}Once".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(remedy(&utf16).contains("UTF-16"));
        for (bytes, expected) in [
            (&b"\x1F\x8B\x08\0"[..], "with gzip"),
            (b"\xFD7zXZ\0\0", "with xz"),
            (b"\x28\xB5\x2F\xFD\0", "with zstd"),
            (b"7z\xBC\xAF\x27\x1C\0", "7z archive"),
            (b"PK\x03\x04\0\0", "zip archive: unpack it"),
            (b"PK\x03\x04\0\0archive/data.pkl", "a Python pickle"),
            (b"\x80\x02}q\0", "a Python pickle"),
            (b"\x80\x04\x95", "a Python pickle"),
            (b"\x89HDF\r\n\x1A\n\0", "HDF5"),
            (b"GGUF\x03\0\0\0", "GGUF"),
            (b"Entry not found", "a server's answer"),
            (b"Invalid username or password.", "a server's answer"),
        ] {
            let found = remedy(bytes);
            assert!(found.contains(expected) && !found.contains('\n') && !found.contains("  "), "{found}");
        }
        // 640 bytes of header, and 35,615: they only look like a pickle and like gzip.
        assert_eq!(mistaken_for(b"\x80\x02\0\0\0\0\0\0{\"wte.weight\""), None);
        assert_eq!(mistaken_for(b"\x1F\x8B\0\0\0\0\0\0{\"wte.weight\""), None);
        let caf = remedy(b"caf\xE9 noir");
        assert!(caf.contains("not UTF-8 at byte 3: 0xe9") && caf.contains("WINDOWS-1252"), "{caf}");
        assert!(!remedy(b"\0\0\xE9").contains("WINDOWS-1252"));
    }

    #[test]
    fn text_stays_as_it_is() {
        for text in ["", "é", "<p>", "version 2", "\u{FEFF}text", "version https://"] {
            assert_eq!(to_text(text.as_bytes().to_vec()).as_deref(), Ok(text));
        }
        assert!(refuse_byte_order_mark("\u{FEFF}{}").is_err() && refuse_byte_order_mark("{}").is_ok());
    }
}
